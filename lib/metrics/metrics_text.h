/* The metrics of all programs in the text format of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#ifndef LIB_METRICS_METRICS_TEXT_H
#define LIB_METRICS_METRICS_TEXT_H

#include "lib/base/buffer.h"
#include "lib/base/config.h"

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends the metrics of all programs to out. Leaves out a program whose file is missing
 * or has another layout. */
void metrics_text_write(const struct config *config, struct buffer *out);

#endif
