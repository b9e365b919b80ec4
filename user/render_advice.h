/* SPDX-License-Identifier: GPL-2.0-or-later */
/* render_advice.h: what to do, as fields and as "fix" lines. */
#ifndef VMASNOOP_RENDER_ADVICE_H
#define VMASNOOP_RENDER_ADVICE_H

#include "model.h"
#include "sink.h"

/* The array "advice", which is empty where there is none, or it was given before. */
void render_advice_of_failure(struct sink *sink, const struct model_failure *failure);
void render_advice_of_near(struct sink *sink, const struct model_near *near);

#endif
