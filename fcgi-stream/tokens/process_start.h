/* Which process a pid means: pids are used again, a pid with its start time is not. */
#ifndef FCGI_STREAM_TOKENS_PROCESS_START_H
#define FCGI_STREAM_TOKENS_PROCESS_START_H

#include <stdint.h>
#include <sys/types.h>

/* When the process started, in the kernel's clock ticks since boot; 0 when there is no such process. */
uint64_t process_start(pid_t pid);

#endif
