/* A worker process of a service: a server whose threads have each a request, a response, an arena and a
 * database connection of their own. */
#ifndef LIB_PROCESS_WORKER_H
#define LIB_PROCESS_WORKER_H

#include "lib/base/compiler.h"
#include "lib/http/service.h"

/* Serves on the listening socket until a signal says stop, as server_run. */
WARN_UNUSED bool worker_run(const struct service *service, const struct config *config, int listen_fd,
                            int threads);

#endif
