#include "lib/db/db.h"

#include <libpq-fe.h>
#include <string.h>

#include "t/unit/tap.h"

enum { TEXT, BINARY };

static void test_bind(void)
{
    static const char text[] = "a\0b";
    struct db_params params = {0};
    db_bind_number(&params, 0x0102030405060708);
    db_bind_number(&params, -1);
    db_bind_text(&params, text, 3);
    db_bind_text(&params, "", 0);
    db_bind_bytes(&params, text, 3);
    db_bind_null(&params);
    db_bind_literal(&params, "{1,2}");
    is_int(params.count, 7, "seven parameters are bound");

    is_int(params.formats[0], BINARY, "a number is bound in binary format");
    is_int(params.lengths[0], 8, "a number has 8 bytes");
    ok(memcmp(params.values[0], "\1\2\3\4\5\6\7\10", 8) == 0, "a number is in network byte order");
    ok(memcmp(params.values[1], "\xff\xff\xff\xff\xff\xff\xff\xff", 8) == 0,
       "a negative number is in two's complement");
    ok(params.values[2] == text && params.lengths[2] == 3, "a text is bound with its length and not copied");
    is_int(params.formats[2], BINARY, "a text is bound in binary format, so it may contain a NUL");
    ok(params.values[3] && params.lengths[3] == 0, "an empty text is not NULL");
    ok(params.values[4] == text && params.lengths[4] == 3 && params.formats[4] == BINARY,
       "bytes are bound in binary format with their length");
    ok(params.values[5] == NULL, "NULL is bound without a value");
    is_text(params.values[6], "{1,2}", "a literal is bound as it is written");
    is_int(params.formats[6], TEXT, "a literal is bound in text format");
}

/* A row of one column in binary format, which the caller clears. bytes of NULL make a
 * NULL. */
static PGresult *row(const char *bytes, int length)
{
    PGresAttDesc column = {.name = "value", .format = BINARY};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PQsetResultAttrs(result, 1, &column);
    PQsetvalue(result, 0, 0, (char *)bytes, bytes ? length : -1);
    return result;
}

static int64_t number(const char *bytes, int length)
{
    struct db_rows rows = {.result = row(bytes, length), .count = 1};
    int64_t value = db_number(&rows, 0, 0);
    PQclear(rows.result);
    return value;
}

static int64_t time_us(const char *bytes, int length)
{
    struct db_rows rows = {.result = row(bytes, length), .count = 1};
    int64_t value = db_time_us(&rows, 0, 0);
    PQclear(rows.result);
    return value;
}

static void test_rows(void)
{
    is_int(number("\1\2\3\4\5\6\7\10", 8), 0x0102030405060708, "a bigint is read");
    is_int(number("\xff\xff\xff\xff\xff\xff\xff\xfe", 8), -2, "a negative bigint is read");
    is_int(number("\x80\0\0\0\0\0\0\0", 8), INT64_MIN, "the lowest bigint is read");
    is_int(number("\0\0\1\0", 4), 256, "an integer is read");
    is_int(number("\xff\xff", 2), -1, "a smallint is read");
    is_int(number("\1", 1), 1, "true is 1");
    is_int(number("\0", 1), 0, "false is 0");
    is_int(number(NULL, 0), 0, "a NULL number is 0");

    is_int(time_us("\0\0\0\0\0\0\0\1", 8), 946684800000001,
           "a time is read as microseconds since the year 2000");
    is_int(time_us("\xff\xfc\xa2\xfe\xc4\xc8\x20\x00", 8), 0, "the start of 1970 is 0");
    is_int(time_us(NULL, 0), 0, "a NULL time is 0");
}

int main(void)
{
    test_bind();
    test_rows();
    return done_testing();
}
