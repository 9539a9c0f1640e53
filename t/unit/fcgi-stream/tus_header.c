#include "tus_header.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "tap.h"

#define ID "ab8fad5b-d9cb-469f-a165-70867728950e"

static const struct {
    const char *text;
    bool expected;
} metadata[] = {
    {"", true},
    {"filename d29ybGQ=", true},
    {"filename d29ybGQ=,is_confidential", true},
    {"a,b,c", true},
    {"a YQ==, b YmI=,c ", true},
    {"a YWFh", true},
    {"~!\"x d29ybGQ=", true},
    {" ", false},
    {",", false},
    {"a,", false},
    {"a,,b", false},
    {" a", false},
    {"a b=", false},
    {"a YQ", false},
    {"a YQ===", false},
    {"a Y=Q=", false},
    {"a YQ==YQ==", false},
    {"a  YQ==", false},
    {"a YQ== x", false},
    {"a Y-_=", false},
    {"\xc3\xa4 YQ==", false},
    {"a\tYQ==", false},
    {"a\x01 YQ==", false},
    {"a \r\n", false},
};

static const struct {
    const char *text;
    int64_t offset; /* -1: no piece */
} pieces[] = {
    {ID ".0", 0},
    {ID ".9223372036854775807", INT64_MAX},
    {"AB8FAD5B-D9CB-469F-A165-70867728950E.17", 17},
    {ID ".9223372036854775808", -1},
    {ID ".", -1},
    {ID "", -1},
    {ID "-0", -1},
    {ID ".-1", -1},
    {ID ".00", -1},
    {ID ".1 ", -1},
    {"ab8fad5b-d9cb-469f-a165-70867728950/.1", -1},
    {"", -1},
    {".1", -1},
};

int main(void)
{
    char id[PARAM_UUID_SIZE];
    int64_t offset;
    for (size_t i = 0; i < COUNT_OF(metadata); i++)
        is_int(tus_metadata(metadata[i].text), metadata[i].expected, "Upload-Metadata: %s", metadata[i].text);
    ok(tus_metadata(bytes_repeat('a', TUS_METADATA_MAX)), "as long as may be");
    ok(!tus_metadata(bytes_repeat('a', TUS_METADATA_MAX + 1)), "longer");
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        bool expected = pieces[i].offset >= 0;
        is_int(tus_piece(pieces[i].text, id, &offset), expected, "a piece or not: %s", pieces[i].text);
        if (!expected)
            continue;
        is_int(offset, pieces[i].offset, "where it begins");
        is_text(id, ID, "of which upload");
    }
    return done_testing();
}
