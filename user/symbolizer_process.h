/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer_process.h: one process of the symbolizer as the tracer holds it: started, spoken to without waiting, ended
 * and reaped. Knows no ask and no deadline: see symbolizer_client.c.
 */
#ifndef VMASNOOP_SYMBOLIZER_PROCESS_H
#define VMASNOOP_SYMBOLIZER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "symbolizer_wire.h"

struct symbolizer_process;

/* `program` is from self_open(). */
int symbolizer_process_new(int program, struct symbolizer_process **ret);

/* Ends it if need be. Does not wait: one that has not ended is left to the kernel, and to whoever adopts it. */
void symbolizer_process_free(struct symbolizer_process *process);

pid_t symbolizer_process_pid(const struct symbolizer_process *process);
int symbolizer_process_pidfd(const struct symbolizer_process *process);
int symbolizer_process_socket(const struct symbolizer_process *process);

/*
 * Both `buffer` and `fd` are borrowed; of what the socket does not take copies are kept for symbolizer_process_flush().
 * Where there are too many descriptors already, the message goes without: to its reader that is a file that cannot be
 * opened. 0, or a negative errno: the process is of no more use.
 */
int symbolizer_process_send(struct symbolizer_process *process, enum wire_type type, const struct wire_buffer *buffer,
			    int fd);
int symbolizer_process_send_number(struct symbolizer_process *process, enum wire_type type, uint64_t number, int fd);
int symbolizer_process_flush(struct symbolizer_process *process);

/* Something waits for the socket to become writable. */
bool symbolizer_process_is_waiting(const struct symbolizer_process *process);

/* See wire_receive(); a descriptor that came with it is closed. */
int symbolizer_process_receive(struct symbolizer_process *process, struct wire_message *ret);

/* How long it has waited for a CPU, ever; 0 where the kernel does not tell. */
uint64_t symbolizer_process_waited_ns(const struct symbolizer_process *process);

/* Someone stopped it, by a signal. */
bool symbolizer_process_is_stopped(const struct symbolizer_process *process);

/* 1 + the index of the module that it says it parses, or 0. It says what it likes. */
uint32_t symbolizer_process_module(const struct symbolizer_process *process);

/* A copy of the answer so far, of which nothing is checked; NULL: none, or no memory. */
uint8_t *symbolizer_process_copy_names(const struct symbolizer_process *process, size_t *size);

/* SIGKILL: its end shows when it comes. */
void symbolizer_process_kill(struct symbolizer_process *process);

/* The same, and the end of the conversation. What is left to do is to reap it. */
void symbolizer_process_end(struct symbolizer_process *process);

/* True when it has ended; then *killed says whether by a SIGKILL. Never waits. */
bool symbolizer_process_reap(struct symbolizer_process *process, bool *killed);

#endif
