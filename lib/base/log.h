/* The log: one line per event on standard error.
 *
 * A line has the time, the level, the process id, the name of the event and the caller's
 * `key=value` pairs. It is one write(2) of less than 2 KiB, so lines of several threads
 * and processes do not mix; a longer line is cut off. Control characters become spaces,
 * so nothing that a client sends can forge a line. */
#ifndef LIB_BASE_LOG_H
#define LIB_BASE_LOG_H

#include "lib/base/compiler.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_LEVEL_COUNT };

extern const char *const log_level_names[LOG_LEVEL_COUNT];

/* Sets the least severe level that is logged; LOG_INFO until then. */
void log_set_level(enum log_level level);

/* Logs an event. The format gives the key=value pairs. Preserves errno. */
PRINTF_LIKE(3, 4)
void log_write(enum log_level level, const char *event, const char *format, ...);

#endif
