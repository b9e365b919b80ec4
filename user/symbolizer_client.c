// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * symbolizer_client.c: see symbolizer_client.h. The process works on one ask at a time, and only while it is idle is it
 * told anything else: so that it is known which ask it hung in or died of. Bytes and descriptors are
 * symbolizer_process.c's, what the process has been given is symbolizer_spaces.c's, what it wants symbolizer_wants.c's.
 */
#include "symbolizer_client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "self.h"
#include "symbolizer_asks.h"
#include "symbolizer_dying.h"
#include "symbolizer_process.h"
#include "symbolizer_spaces.h"
#include "symbolizer_wants.h"

#define NSEC_PER_SEC	    1000000000ULL
#define DEADLINE_DEFAULT_NS (5 * NSEC_PER_SEC)
#define LATE_NS		    (NSEC_PER_SEC / 10)
#define START_MAX_NS	    (10 * NSEC_PER_SEC) /* until the process says that it is ready */
#define DEATHS_MAX	    5 /* in a row, without an answer between them */
#define PAUSE_DEFAULT_NS    (60 * NSEC_PER_SEC)
#define MESSAGES_AT_ONCE    64

enum state {
	STATE_NONE, /* there is no process */
	STATE_STARTING,
	STATE_IDLE,
	STATE_BUSY, /* with the first of the asks */
};

enum source { SOURCE_SOCKET, SOURCE_TIMER, SOURCE_PROCESS, SOURCE_DYING, SOURCE_WANTS, SOURCE_COUNT };

struct symbolizer_client {
	struct symbolizer_client_options options;
	struct symbolizer_client_counts counts;
	int epoll;
	int timer;
	int program;
	enum state state;
	struct symbolizer_process *process; /* not in STATE_NONE */
	struct dying *dying; /* those before it */
	bool wants_write; /* as it stands in the epoll set */
	uint64_t deadline_ns; /* of what the state waits for; 0: nothing */
	uint64_t waited_ns; /* for a CPU, by the process, when its time began */
	uint64_t timer_ns; /* when the timer goes off; 0: never */
	unsigned int deaths;
	uint64_t paused_until_ns;
	uint32_t gaps;
	struct asks asks;
	struct spaces *spaces;
	struct wants *wants;
	bool broken; /* nothing can be sent to the process any more */
	bool dispatching;
};

CLEANUP_DEFINE(cleanup_client, struct symbolizer_client *, symbolizer_client_free)

static uint64_t now_ns(void)
{
	return clock_now_ns(CLOCK_MONOTONIC);
}

/* ---- what is waited for ---- */

static int watch(struct symbolizer_client *client, int operation, int fd, enum source source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u32 = source};

	return epoll_ctl(client->epoll, operation, fd, &event) ? -errno : 0;
}

/* Before it is closed: a child that is just being started has a copy of it, which would keep it in the set. */
static void stop_watching(struct symbolizer_client *client, int fd)
{
	epoll_ctl(client->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* The timer may go off too early, and is then set again: it is not touched with each ask. */
static void set_timer(struct symbolizer_client *client, uint64_t at_ns)
{
	struct itimerspec spec = {.it_value = {(time_t)(at_ns / NSEC_PER_SEC), (long)(at_ns % NSEC_PER_SEC)}};

	if (client->timer_ns && client->timer_ns <= at_ns)
		return;
	if (!timerfd_settime(client->timer, TFD_TIMER_ABSTIME, &spec, NULL))
		client->timer_ns = at_ns;
}

static void set_deadline(struct symbolizer_client *client, uint64_t after_ns)
{
	client->deadline_ns = now_ns() + after_ns;
	set_timer(client, client->deadline_ns);
}

/* Of an ask. */
static void begin_time(struct symbolizer_client *client)
{
	client->waited_ns = symbolizer_process_waited_ns(client->process);
	set_deadline(client, client->options.deadline_ns);
}

/* Makes the descriptor readable at once: there is something to do that only symbolizer_client_dispatch() may do. */
static void call_for_dispatch(struct symbolizer_client *client)
{
	set_timer(client, 1);
}

static void read_timer(struct symbolizer_client *client)
{
	uint64_t expirations;

	if (read(client->timer, &expirations, sizeof(expirations)) == sizeof(expirations))
		client->timer_ns = 0;
}

static int follow_socket(struct symbolizer_client *client)
{
	bool wants = symbolizer_process_is_waiting(client->process);
	int socket = symbolizer_process_socket(client->process);

	if (wants == client->wants_write)
		return 0;
	client->wants_write = wants;
	return watch(client, EPOLL_CTL_MOD, socket, SOURCE_SOCKET, wants ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* ---- the process ---- */

/* A killed process ends soon, but not at once, and nobody waits for it here. */
static void end_process(struct symbolizer_client *client)
{
	struct symbolizer_process *process = cleanup_take(client->process);

	client->state = STATE_NONE;
	client->deadline_ns = 0;
	client->broken = client->wants_write = false;
	spaces_restart(client->spaces);
	wants_restart(client->wants);
	stop_watching(client, symbolizer_process_socket(process));
	stop_watching(client, symbolizer_process_pidfd(process));
	dying_add(client->dying, process);
}

static void count_death(struct symbolizer_client *client)
{
	if (++client->deaths < DEATHS_MAX)
		return;
	client->deaths = 0;
	client->paused_until_ns = now_ns() + client->options.pause_ns;
}

static int start_process(struct symbolizer_client *client)
{
	int err = symbolizer_process_new(client->program, &client->process);

	if (err)
		return err;
	client->state = STATE_STARTING;
	err = watch(client, EPOLL_CTL_ADD, symbolizer_process_socket(client->process), SOURCE_SOCKET, EPOLLIN);
	if (!err)
		err = watch(client, EPOLL_CTL_ADD, symbolizer_process_pidfd(client->process), SOURCE_PROCESS, EPOLLIN);
	if (err) {
		end_process(client);
		return err;
	}
	set_deadline(client, START_MAX_NS);
	return 0;
}

/* After too many deaths, and while as many as can be kept count of have been killed and do not end. */
static bool is_paused(struct symbolizer_client *client)
{
	if (dying_is_full(client->dying))
		dying_reap(client->dying);
	return dying_is_full(client->dying) || (client->paused_until_ns && now_ns() < client->paused_until_ns);
}

/* ---- answers ---- */

/* The end of the first ask. Whoever is handed the answer may ask again from within. */
static void answer(struct symbolizer_client *client, struct stack *stack)
{
	struct ask *ask = asks_take(&client->asks);
	uint64_t id = ask->id;
	bool answered = ask->answered;

	asks_free(ask);
	if (answered)
		stack_free(stack);
	else
		client->options.answered(client->options.context, id, stack);
}

/* They may be of the ask before, if the process had no time to begin. */
static bool decode_names(const struct ask *ask, struct stack **ret)
{
	uint64_t id;

	return ask->names && !wire_decode_stack_id(ask->names, ask->names_size, &id) && id == ask->id &&
	       !wire_decode_stack(ask->names, ask->names_size, ret);
}

/* What there is memory for, though there be none. */
static struct stack *take_last_resort(struct ask *ask, const char *reason)
{
	struct stack *stack = cleanup_take(ask->last_resort);

	for (size_t i = 0; i < stack->count; i++)
		stack->reason = stack->frames[i].reason = reason;
	return stack;
}

/* Once an ask. With the names, if they came, and else with what is known without them. */
static struct stack *make_stack(struct ask *ask, const char *reason)
{
	struct stack *stack = NULL;
	struct wire_ask asked;

	if (!decode_names(ask, &stack)) {
		asks_read(ask, &asked);
		stack = symbolizer_client_bare_stack(ask->space ? ask->space->modules : NULL, &asked.raw, reason);
	}
	if (!stack)
		stack = take_last_resort(ask, reason);
	if (ask->space)
		space_explain(ask->space, stack);
	return stack;
}

static void answer_without_end(struct symbolizer_client *client, const char *reason)
{
	struct ask *ask = asks_first(&client->asks);

	answer(client, ask->answered ? NULL : make_stack(ask, reason));
}

/* The process goes on with it: what it waits for is on its way, and of use to the asks to come. */
static void answer_early(struct symbolizer_client *client)
{
	struct ask *ask = asks_first(&client->asks);

	client->deadline_ns = 0;
	if (ask->answered)
		return;
	ask->answered = true;
	ask->names = symbolizer_process_copy_names(client->process, &ask->names_size);
	client->options.answered(client->options.context, ask->id, make_stack(ask, "deadline"));
}

/* ---- the end of a process ---- */

/* What it was asked, with the answer so far; and the module that it says it was in. NULL: it was not asked. */
static struct ask *take_last_words(struct symbolizer_client *client, uint32_t *module)
{
	struct ask *ask = client->state == STATE_BUSY ? asks_first(&client->asks) : NULL;

	*module = symbolizer_process_module(client->process);
	if (ask && !ask->names)
		ask->names = symbolizer_process_copy_names(client->process, &ask->names_size);
	return ask;
}

/* It ended by itself, or said what is no message. A process that was killed from outside gets a second chance. */
static void lose_process(struct symbolizer_client *client, bool killed)
{
	uint32_t module;
	struct ask *ask = take_last_words(client, &module);

	end_process(client);
	count_death(client);
	if (!ask)
		return;
	client->counts.lost++;
	if (killed && !ask->retried && !ask->answered) {
		ask->retried = true;
		free(cleanup_take(ask->names));
		return;
	}
	/* A kill from outside is not the file's fault; one by the kernel for want of memory ends with the pause after deaths. */
	if (ask->space && !killed)
		spaces_blame(client->spaces, ask->space, module, ask->names, "symbolizer_lost");
	answer_without_end(client, "symbolizer_lost");
}

/* The machine kept it from working, and no file did: others had the CPUs, or somebody stopped it. */
static bool was_held_up(const struct symbolizer_client *client)
{
	uint64_t waited_ns = symbolizer_process_waited_ns(client->process) - client->waited_ns;

	return waited_ns >= client->options.deadline_ns / 2 || symbolizer_process_is_stopped(client->process);
}

static bool are_we_late(const struct symbolizer_client *client)
{
	return now_ns() - client->deadline_ns >= LATE_NS;
}

static void end_at_deadline(struct symbolizer_client *client)
{
	bool excused = are_we_late(client) || was_held_up(client);
	uint32_t module;
	struct ask *ask = take_last_words(client, &module);

	end_process(client);
	if (!ask) {
		count_death(client);
		return;
	}
	client->counts.deadlines++;
	/* On a machine that is always busy one that hangs must not be waited for again and again. */
	if (ask->space)
		spaces_blame(client->spaces, ask->space, excused ? 0 : module, ask->names, "deadline");
	answer_without_end(client, "deadline");
}

/* It was us who came late, with an answer to what it asked perhaps: once an ask it has its time again. */
static bool is_granted_more(struct symbolizer_client *client)
{
	struct ask *ask = client->state == STATE_BUSY ? asks_first(&client->asks) : NULL;

	if (!ask || ask->granted || !are_we_late(client))
		return false;
	ask->granted = true;
	return true;
}

static void on_timer(struct symbolizer_client *client)
{
	read_timer(client);
	if (!client->deadline_ns)
		return;
	if (now_ns() < client->deadline_ns)
		set_timer(client, client->deadline_ns);
	else if (is_granted_more(client))
		begin_time(client);
	else if (wants_are_open(client->wants))
		answer_early(client);
	else
		end_at_deadline(client);
}

/* ---- messages ---- */

static int on_ready(struct symbolizer_client *client, const struct wire_message *message)
{
	uint64_t gaps;

	if (wire_decode_number(message->bytes, message->size, &gaps))
		return -EPROTO;
	client->gaps = gaps;
	client->state = STATE_IDLE;
	client->deadline_ns = 0;
	return 0;
}

static int on_stack(struct symbolizer_client *client, const struct wire_message *message)
{
	struct ask *ask = asks_first(&client->asks);
	struct stack *stack;
	uint64_t id;
	int err = wire_decode_stack_id(message->bytes, message->size, &id);

	if (err || id != ask->id || wants_are_open(client->wants))
		return -EPROTO;
	err = wire_decode_stack(message->bytes, message->size, &stack);
	if (err)
		return err;
	client->state = STATE_IDLE;
	client->deadline_ns = 0;
	client->deaths = 0;
	if (ask->space) {
		ask->space->failures = 0;
		space_explain(ask->space, stack);
	}
	answer(client, stack);
	return 0;
}

/* What may come depends on the state: all else is no message. */
static int on_message(struct symbolizer_client *client, const struct wire_message *message)
{
	if (client->state == STATE_STARTING && message->type == WIRE_READY)
		return on_ready(client, message);
	if (client->state != STATE_BUSY)
		return -EPROTO;
	switch (message->type) {
	case WIRE_STACK:
		return on_stack(client, message);
	case WIRE_WANT_DEBUG_FILE:
		return wants_take(client->wants, message, asks_first(&client->asks)->space, client->process);
	default:
		return -EPROTO;
	}
}

/* ---- asking ---- */

static int send_ask(struct symbolizer_client *client, const struct ask *ask)
{
	int err = 0;

	if (ask->space)
		err = spaces_give(client->spaces, ask->space, client->process, &client->counts.files);
	if (!err)
		err = symbolizer_process_send(client->process, WIRE_ASK, &ask->message, -1);
	return err;
}

/* The next ask, when the process is free for it. */
static void ask_next(struct symbolizer_client *client)
{
	const struct ask *ask = asks_first(&client->asks);

	client->state = STATE_BUSY;
	begin_time(client);
	client->broken = send_ask(client, ask) != 0;
}

/* Why the first ask is not worth asking, or cannot be; NULL: it can. */
static const char *why_not(const struct symbolizer_client *client)
{
	const struct ask *ask = asks_first(&client->asks);

	if (client->state == STATE_NONE)
		return "symbolizer_lost";
	return ask->space ? space_is_hopeless(ask->space) : NULL;
}

static void start_unless_paused(struct symbolizer_client *client)
{
	if (client->state != STATE_NONE || is_paused(client))
		return;
	client->paused_until_ns = 0;
	if (start_process(client))
		count_death(client);
}

static bool has_turn(const struct symbolizer_client *client)
{
	return client->asks.count && (client->state == STATE_IDLE || client->state == STATE_NONE);
}

/* Goes on as far as that is possible without an answer from the process. */
static void go_on(struct symbolizer_client *client)
{
	start_unless_paused(client);
	if (client->state == STATE_IDLE || client->state == STATE_NONE)
		client->broken |= spaces_collect(client->spaces, client->process) != 0;
	while (has_turn(client) && !client->broken) {
		const char *reason = why_not(client);

		if (reason && !client->dispatching) {
			call_for_dispatch(client);
			return;
		}
		if (reason)
			answer_without_end(client, reason);
		else
			ask_next(client);
	}
	if (client->process && !client->broken)
		client->broken = follow_socket(client) != 0;
	if (client->broken)
		call_for_dispatch(client);
}

/* ---- what happened ---- */

/* So many at most, that nobody else has to wait for a process that does not stop talking. */
static int receive_messages(struct symbolizer_client *client)
{
	struct wire_message message;
	int err = 0;

	for (int i = 0; i < MESSAGES_AT_ONCE && !err && client->process; i++) {
		err = symbolizer_process_receive(client->process, &message);
		if (!err)
			err = on_message(client, &message);
		/* What is to be done next is done before there is more to read. */
		if (!err)
			go_on(client);
	}
	return err == -EAGAIN ? 0 : err;
}

static void on_socket(struct symbolizer_client *client, uint32_t events)
{
	int err = 0;

	if (!client->process)
		return;
	if (events & EPOLLOUT)
		err = symbolizer_process_flush(client->process);
	if (!err)
		err = receive_messages(client);
	if (!err || !client->process)
		return;
	/* Its end says more, and comes at once: how it ended. One that merely closed its socket is killed. */
	if (err == -EPIPE) {
		stop_watching(client, symbolizer_process_socket(client->process));
		symbolizer_process_kill(client->process);
	} else {
		lose_process(client, false);
	}
}

/* What it said last counts. */
static void on_process(struct symbolizer_client *client)
{
	bool killed;

	if (client->process)
		receive_messages(client);
	/* Where nothing could be sent to it any more, it cannot have been what it was asked last. */
	if (client->process && symbolizer_process_reap(client->process, &killed))
		lose_process(client, killed || client->broken);
}

static void on_wants(struct symbolizer_client *client)
{
	int err;

	if (!wants_dispatch(client->wants, client->process, &err))
		return;
	if (err)
		client->broken = true;
	if (!client->deadline_ns)
		begin_time(client);
}

static void act_on(struct symbolizer_client *client, const struct epoll_event *event)
{
	switch ((enum source)event->data.u32) {
	case SOURCE_SOCKET:
		on_socket(client, event->events);
		break;
	case SOURCE_TIMER:
		on_timer(client);
		break;
	case SOURCE_PROCESS:
		on_process(client);
		break;
	case SOURCE_DYING:
		dying_reap(client->dying);
		break;
	case SOURCE_WANTS:
		on_wants(client);
		break;
	case SOURCE_COUNT:
		break;
	}
}

int symbolizer_client_dispatch(struct symbolizer_client *client)
{
	struct epoll_event events[SOURCE_COUNT];
	int count = epoll_wait(client->epoll, events, SOURCE_COUNT, 0);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	client->dispatching = true;
	for (int i = 0; i < count; i++)
		act_on(client, &events[i]);
	if (client->broken)
		lose_process(client, true);
	go_on(client);
	client->dispatching = false;
	return 0;
}

/* ---- for its owner ---- */

int symbolizer_client_ask(struct symbolizer_client *client, struct modules *modules, const struct raw_stack *raw,
			  uint64_t id)
{
	struct space *space = modules ? spaces_find(client->spaces, modules) : NULL;
	int err = modules && !space ? -ENOMEM : asks_add(&client->asks, space, raw, id);

	if (err) {
		client->counts.refused += err == -EAGAIN;
		return err;
	}
	client->counts.asked++;
	/* Within an answer it waits for dispatch to go on by itself. */
	if (!client->dispatching)
		go_on(client);
	return 0;
}

void symbolizer_client_forget(struct symbolizer_client *client, const struct modules *modules)
{
	spaces_forget(client->spaces, modules);
	if (!client->dispatching)
		go_on(client);
}

int symbolizer_client_fd(const struct symbolizer_client *client)
{
	return client->epoll;
}

uint64_t symbolizer_client_outstanding(const struct symbolizer_client *client)
{
	const struct ask *first = asks_first(&client->asks);

	return client->asks.count - (first && first->answered);
}

void symbolizer_client_read_counts(const struct symbolizer_client *client, struct symbolizer_client_counts *ret)
{
	*ret = client->counts;
	ret->debug_files = wants_files(client->wants);
}

uint32_t symbolizer_client_gaps(const struct symbolizer_client *client)
{
	return client->gaps;
}

pid_t symbolizer_client_pid(const struct symbolizer_client *client)
{
	return client->process ? symbolizer_process_pid(client->process) : -1;
}

static int start_parts(struct symbolizer_client *client)
{
	int err = spaces_new(client->options.pause_ns, &client->spaces);

	if (!err)
		err = dying_new(&client->dying);
	if (!err)
		err = wants_new(client->options.debuginfod ? client->program : -1, &client->wants);
	if (!err)
		err = watch(client, EPOLL_CTL_ADD, dying_fd(client->dying), SOURCE_DYING, EPOLLIN);
	if (!err && wants_fd(client->wants) >= 0)
		err = watch(client, EPOLL_CTL_ADD, wants_fd(client->wants), SOURCE_WANTS, EPOLLIN);
	return err;
}

static int start(struct symbolizer_client *client)
{
	int err;

	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	client->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (client->epoll < 0 || client->timer < 0)
		return -errno;
	client->program = self_open();
	if (client->program < 0)
		return client->program;
	err = watch(client, EPOLL_CTL_ADD, client->timer, SOURCE_TIMER, EPOLLIN);
	if (!err)
		err = start_parts(client);
	return err ? err : start_process(client);
}

int symbolizer_client_new(const struct symbolizer_client_options *options, struct symbolizer_client **ret)
{
	_cleanup_(cleanup_client) struct symbolizer_client *client = calloc(1, sizeof(*client));
	int err;

	if (!client)
		return -ENOMEM;
	client->options = *options;
	if (!client->options.deadline_ns)
		client->options.deadline_ns = DEADLINE_DEFAULT_NS;
	if (!client->options.pause_ns)
		client->options.pause_ns = PAUSE_DEFAULT_NS;
	client->epoll = client->timer = client->program = -1;
	asks_init(&client->asks);
	err = start(client);
	if (err)
		return err;
	*ret = cleanup_take(client);
	return 0;
}

static void close_known(int fd)
{
	if (fd >= 0)
		close(fd);
}

void symbolizer_client_free(struct symbolizer_client *client)
{
	if (!client)
		return;
	/* There is room: with as many as can be kept count of none is started. */
	if (client->process)
		dying_add(client->dying, client->process);
	dying_free(client->dying);
	wants_free(client->wants);
	asks_fini(&client->asks);
	spaces_free(client->spaces);
	close_known(client->epoll);
	close_known(client->timer);
	close_known(client->program);
	free(client);
}
