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
    DELETION_COUNT,
    SWEEP_CLAIM,
    SWEEP_RENEW,
    SWEEP_RELEASE,
    SWEEP_DONE,
    SWEEP_FAILED,
    SESSION_SWEEP,
    UPLOAD_SWEEP,
    UPLOAD_EXISTS,
    CLOCK_SWEEP,
    MEDIA_UNKNOWN,
    VIDEO_FILES,
    VIDEO_HAS_FILE,
    VIDEO_DETACH,
    VIDEO_SCHEDULE,
    STATEMENT_COUNT
};

extern const struct db_statement scheduler_statements[STATEMENT_COUNT];

#endif
