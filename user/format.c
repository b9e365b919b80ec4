// SPDX-License-Identifier: GPL-2.0-or-later
/* format.c: see format.h. */
#include "format.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ULL

/* include/linux/mm.h; the same in 5.10 and 7.2. */
#define VM_READ	    0x1
#define VM_WRITE    0x2
#define VM_EXEC	    0x4
#define VM_MAYSHARE 0x80

const char *format_bytes(uint64_t bytes, struct format_buffer *buffer)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	unsigned int unit = 0;

	if (bytes == 1)
		return strcpy(buffer->text, "1 byte");
	/* From where "%.0f" would say 1024. */
	while (value >= 1023.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	/* One decimal, unless it is zero or would be lost in the size of the number. */
	if (value >= 100 || value == (double)(uint64_t)value)
		snprintf(buffer->text, sizeof(buffer->text), "%.0f %s", value, units[unit]);
	else
		snprintf(buffer->text, sizeof(buffer->text), "%.1f %s", value, units[unit]);
	return buffer->text;
}

const char *format_rfc3339(uint64_t ns, struct format_buffer *buffer)
{
	time_t seconds = (time_t)(ns / NSEC_PER_SEC);
	struct tm utc = {};
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(buffer->text, sizeof(buffer->text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(buffer->text + length, sizeof(buffer->text) - length, ".%09uZ", (unsigned int)(ns % NSEC_PER_SEC));
	return buffer->text;
}

const char *format_clock(uint64_t ns, struct format_buffer *buffer)
{
	time_t seconds = (time_t)(ns / NSEC_PER_SEC);
	struct tm local = {};
	size_t length;

	localtime_r(&seconds, &local);
	length = strftime(buffer->text, sizeof(buffer->text), "%H:%M:%S", &local);
	snprintf(buffer->text + length, sizeof(buffer->text) - length, ".%03u",
		 (unsigned int)(ns % NSEC_PER_SEC / 1000000));
	return buffer->text;
}

const char *format_perms(uint64_t vm_flags, struct format_buffer *buffer)
{
	snprintf(buffer->text, sizeof(buffer->text), "%c%c%c%c", vm_flags & VM_READ ? 'r' : '-',
		 vm_flags & VM_WRITE ? 'w' : '-', vm_flags & VM_EXEC ? 'x' : '-', vm_flags & VM_MAYSHARE ? 's' : 'p');
	return buffer->text;
}

const char *format_errno(uint32_t errno_code)
{
	/* The C library has a name for 0: "0". */
	return errno_code ? strerrorname_np((int)errno_code) : NULL;
}
