#include "trash_sweep.h"

#include "sweep.h"

void trash_sweep(struct task_context *context, struct task_batch *batch)
{
    sweep_rows(context, batch, TRASH_SWEEP);
}
