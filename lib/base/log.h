/* The log: one line an event on standard error, `key=value` after a time, a level and the event's name.
 *
 * Each line is one write(2), so lines of several threads and processes never mix. Control characters in
 * values come out as spaces: nothing that a client sends can forge a line. */
#ifndef LIB_BASE_LOG_H
#define LIB_BASE_LOG_H

#include "lib/base/compiler.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_LEVEL_COUNT };

extern const char *const log_level_names[LOG_LEVEL_COUNT];

/* What is logged from now on: lines of this level and the more severe ones. */
void log_set_level(enum log_level level);

PRINTF_LIKE(3, 4)
void log_write(enum log_level level, const char *event, const char *format, ...);

#endif
