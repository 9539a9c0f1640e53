/* Parameters and rows: the functions of db.h that need no connection. */
#include <endian.h>
#include <libpq-fe.h>
#include <stdlib.h>

#include "lib/db/db.h"

enum { FORMAT_TEXT, FORMAT_BINARY };

/* PostgreSQL counts from the year 2000: the difference to 1970. */
static const int64_t EPOCH_US = 946684800LL * 1000000;

static void bind(struct db_params *params, const void *value, size_t length, int format)
{
    if (params->count == DB_PARAMS_MAX)
        abort(); /* a programming error: raise DB_PARAMS_MAX */
    params->values[params->count] = value;
    params->lengths[params->count] = (int)length;
    params->formats[params->count] = format;
    params->count++;
}

void db_bind_number(struct db_params *params, int64_t number)
{
    int at = params->count;
    bind(params, &params->numbers[at], sizeof params->numbers[at], FORMAT_BINARY);
    params->numbers[at] = htobe64((uint64_t)number);
}

void db_bind_text(struct db_params *params, const char *text, size_t length)
{
    bind(params, text, length, FORMAT_BINARY);
}

void db_bind_bytes(struct db_params *params, const void *bytes, size_t length)
{
    bind(params, bytes, length, FORMAT_BINARY);
}

void db_bind_null(struct db_params *params)
{
    bind(params, NULL, 0, FORMAT_TEXT);
}

void db_bind_literal(struct db_params *params, const char *text)
{
    bind(params, text, 0, FORMAT_TEXT);
}

const char *db_text(const struct db_rows *rows, int row, int column)
{
    return PQgetvalue(rows->result, row, column);
}

size_t db_length(const struct db_rows *rows, int row, int column)
{
    return (size_t)PQgetlength(rows->result, row, column);
}

int64_t db_number(const struct db_rows *rows, int row, int column)
{
    const unsigned char *bytes = (const unsigned char *)PQgetvalue(rows->result, row, column);
    int length = PQgetlength(rows->result, row, column);
    if (length == 0)
        return 0;
    /* NOLINTNEXTLINE(*signed-char*,cert-str34-c): it has the sign */
    int64_t number = (signed char)bytes[0];
    for (int i = 1; i < length; i++)
        number = (int64_t)((uint64_t)number << 8 | bytes[i]);
    return number;
}

int64_t db_time_us(const struct db_rows *rows, int row, int column)
{
    if (db_is_null(rows, row, column))
        return 0;
    return db_number(rows, row, column) + EPOCH_US;
}

bool db_is_null(const struct db_rows *rows, int row, int column)
{
    return PQgetisnull(rows->result, row, column);
}
