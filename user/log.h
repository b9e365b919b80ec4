/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h: messages for people, to stderr, one line and one write each: "vmasnoop: MESSAGE". Whatever is in them is
 * neutralised (text.h), so a stranger's name can be given with %s. Data never goes here. For one thread at a time.
 */
#ifndef VMASNOOP_LOG_H
#define VMASNOOP_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/libbpf.h>

enum log_level {
	LOG_LEVEL_ERROR, /* -q */
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO, /* the default */
	LOG_LEVEL_DEBUG, /* -v */
	LOG_LEVEL_LIBBPF, /* -vv: also all that libbpf has to say */
};

/* What -q and so many -v ask for. */
enum log_level log_level_from(bool quiet, unsigned int verbose);

void log_set_level(enum log_level level);

/* Messages above the level are dropped. All keep errno; the format needs no newline. */
void log_message(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_message(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * For libbpf_set_print(). libbpf calls a refused rung a warning, and that is normal here: so its lines are shown at
 * LOG_LEVEL_LIBBPF only, but the last warnings are kept for the one who has to say why nothing worked.
 */
int log_libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* libbpf's last warning line (back 0), the one before (1), ...; NULL when there is none. Valid until the next one. */
const char *log_last_libbpf(size_t back);

/* Forgets them: before an attempt, so that what is kept then is that attempt's. */
void log_clear_libbpf(void);

#endif
