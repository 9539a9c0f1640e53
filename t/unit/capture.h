/* What the program writes to standard output or to its log, for a while. */
#ifndef T_UNIT_CAPTURE_H
#define T_UNIT_CAPTURE_H

/* From now on what is written to the descriptor, 1 or 2, is kept. No check may fail until capture_end. */
void capture_begin(int fd);

/* The end of that. Returns what was written, as text that lives until the next capture_end. */
const char *capture_end(void);

#endif
