#include "session_sweep.h"

#include "sweep.h"

void session_sweep(struct task_context *context, struct task_batch *batch)
{
    sweep_rows(context, batch, SESSION_SWEEP);
}
