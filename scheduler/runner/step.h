/* Named steps of the work, at which fault tests kill or stop a process. In the installed
 * programs the function does nothing; test builds replace it (t/fault). */
#ifndef SCHEDULER_RUNNER_STEP_H
#define SCHEDULER_RUNNER_STEP_H

void step_reached(const char *name);

#endif
