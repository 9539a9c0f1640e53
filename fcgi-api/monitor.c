/* What a monitoring system asks. */
#include "api.h"
#include "metrics_text.h"

/* 200: the metrics of all three programs; nginx lets only the loopback address ask. */
enum status metrics_show(struct request *request, struct response *response)
{
    response->http = 200;
    response_header(response, "Content-Type", METRICS_TEXT_TYPE);
    metrics_text_write(request->config, &response->body);
    return STATUS_ANSWERED;
}
