#include "upload_sweep.h"

#include "sweep.h"

void upload_sweep(struct task_context *context, struct task_batch *batch)
{
    sweep_rows(context, batch, UPLOAD_SWEEP);
}
