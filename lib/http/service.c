#include "lib/http/service.h"

struct db_options service_db_options(const struct service *service, const struct config *config)
{
    return (struct db_options){
        .url = config->database_url,
        .role = service->role,
        .statements = service->statements,
        .statement_count = service->statement_count,
        .timeout_ms = (int)config->database_timeout_ms,
    };
}
