/* SPDX-License-Identifier: GPL-2.0-or-later */
/* near.h: how fast a process nears the limit, from the counts that its record has. Knows no process and no clock. */
#ifndef VMASNOOP_NEAR_H
#define VMASNOOP_NEAR_H

#include <stdbool.h>

#include "event.h"

struct near_growth {
	bool known; /* there is an earlier count to hold the last one against */
	bool ends; /* the process grows, lately, so that it comes to the limit */
	double per_second; /* mappings, lately: over a second or less while the process is busy; may be negative */
	double per_second_since_hot; /* since it was first seen to be hot */
	double eta_seconds; /* until the limit is reached at the rate of lately; 0: it is */
};

void near_read_growth(const struct event_near *near, struct near_growth *ret);

#endif
