/* Captures what the process writes to standard output or to its log. */
#ifndef T_UNIT_CAPTURE_H
#define T_UNIT_CAPTURE_H

/* Starts capturing the file descriptor, 1 or 2. Make no TAP check until capture_end. */
void capture_begin(int fd);

/* Stops capturing. Returns the captured text, which is valid until the next
 * capture_end. */
const char *capture_end(void);

#endif
