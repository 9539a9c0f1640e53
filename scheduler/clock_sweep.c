#include "clock_sweep.h"

#include "sweep.h"

void clock_sweep(struct task_context *context, struct task_batch *batch)
{
    sweep_rows(context, batch, CLOCK_SWEEP);
}
