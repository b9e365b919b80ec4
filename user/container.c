// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container.c: see container.h. Docker, containerd, CRI-O and Podman name a container's cgroup by its id, 64 hexadecimal
 * digits, with or without a word before it (docker-, cri-containerd-, crio-, libpod-) and ".scope" behind; Kubernetes puts
 * pods below kubepods; LXC, containers below lxc or lxc.payload.NAME; systemd-nspawn, in a service of that name.
 */
#include "container.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define ID_DIGITS 64

/* A run of exactly so many digits. */
static bool has_id(const char *name, size_t length)
{
	size_t digits = 0;

	for (size_t i = 0; i < length; i++) {
		if (isxdigit((unsigned char)name[i])) {
			digits++;
			continue;
		}
		if (digits == ID_DIGITS)
			return true;
		digits = 0;
	}
	return digits == ID_DIGITS;
}

static bool begins_with(const char *name, size_t length, const char *beginning)
{
	size_t wanted = strlen(beginning);

	return length >= wanted && !memcmp(name, beginning, wanted);
}

static bool is_containers(const char *name, size_t length)
{
	return has_id(name, length) || begins_with(name, length, "lxc.payload") ||
	       begins_with(name, length, "systemd-nspawn@") || begins_with(name, length, "kubepods") ||
	       (length == 3 && begins_with(name, length, "lxc"));
}

bool container_has_cgroup(const char *cgroup)
{
	while (cgroup && *cgroup) {
		size_t length = strcspn(cgroup, "/");

		if (length && is_containers(cgroup, length))
			return true;
		cgroup += length + (cgroup[length] == '/');
	}
	return false;
}
