/* The start time of a process, which identifies it together with its pid: the kernel
 * reuses pids. */
#ifndef FCGI_STREAM_TOKENS_PROCESS_START_H
#define FCGI_STREAM_TOKENS_PROCESS_START_H

#include <stdint.h>
#include <sys/types.h>

/* The start time of the process in clock ticks since boot; 0 when there is no such
 * process or it is a zombie. */
uint64_t process_start(pid_t pid);

#endif
