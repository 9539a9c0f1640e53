/* Named steps of the daemon's work, for tests of what happens when it dies or is held up there. In the program
 * that is installed the function does nothing; a program of the tests has one of its own (t/fault). */
#ifndef SCHEDULER_RUNNER_STEP_H
#define SCHEDULER_RUNNER_STEP_H

void step_reached(const char *name);

#endif
