/* All SQL of the scheduler, by name. */
#ifndef STATEMENTS_H
#define STATEMENTS_H

#include "db.h"

enum statement {
    DELETION_CLAIM,
    DELETION_RENEW,
    DELETION_RELEASE,
    DELETION_DONE,
    DELETION_FAILED,
    VIDEO_SCHEDULE,
    STATEMENT_COUNT
};

extern const struct db_statement scheduler_statements[STATEMENT_COUNT];

#endif
