#include "fcgi-stream/uploads/multipart.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

static const struct {
    const char *type, *boundary; /* boundary NULL: not multipart/form-data */
} rows[] = {
    {"multipart/form-data; boundary=XyZ", "XyZ"},
    {"multipart/form-data; boundary=\"XyZ\"", "XyZ"},
    {"multipart/form-data;boundary=XyZ", "XyZ"},
    {"multipart/form-data ; \t boundary=XyZ", "XyZ"},
    {"Multipart/Form-DATA; BOUNDARY=XyZ", "XyZ"},
    {"multipart/form-data; charset=utf-8; boundary=XyZ; x=y", "XyZ"},
    {"multipart/form-data; boundary=XyZ ; x=y", "XyZ"},
    {"multipart/form-data; x=\"; boundary=false\"; boundary=true", "true"},
    {"multipart/form-data; x=\"\\\"; boundary=false\"; boundary=true", "true"},
    {"multipart/form-data; boundary=first; boundary=second", "first"},
    {"multipart/form-data; boundary=----WebKitFormBoundaryAbC123", "----WebKitFormBoundaryAbC123"},
    {"multipart/form-data; boundary=\"a '()+_,-./:=?b\"", "a '()+_,-./:=?b"},
    {"multipart/form-data", ""},
    {"multipart/form-data;", ""},
    {"multipart/form-data; boundary", ""},
    {"multipart/form-data; boundary=", ""},
    {"multipart/form-data; boundary=\"\"", ""},
    {"multipart/form-data; boundary=\"XyZ", ""},
    {"multipart/form-data; boundary=\"XyZ \"", ""},
    {"multipart/form-data; boundary=\"X\\\"yZ\"", ""},
    {"multipart/form-data; boundary=X\"yZ", ""},
    {"multipart/form-data; boundary=\"X;yZ\"", ""},
    {"multipart/form-data; boundary=X\xc3\xbcZ", ""},
    {"multipart/form-data; boundary=\"X\r\nyZ\"", ""},
    {"multipart/form-data; xboundary=XyZ", ""},
    {"multipart/form-data; boundary =XyZ", ""},
    {"multipart/form-data boundary=XyZ", ""},
    {"multipart/form-data2; boundary=XyZ", NULL},
    {"multipart/form-data-x", NULL},
    {"multipart/mixed; boundary=XyZ", NULL},
    {"multipart/form; boundary=XyZ", NULL},
    {"video/mp4", NULL},
    {"x multipart/form-data; boundary=XyZ", NULL},
    {"", NULL},
};

static void test_length(const char *quote)
{
    char type[200], boundary[MULTIPART_BOUNDARY_SIZE];
    for (int length = 70; length <= 71; length++) {
        const char *text = bytes_repeat('b', (size_t)length);
        snprintf(type, sizeof type, "multipart/form-data; boundary=%s%s%s", quote, text, quote);
        ok(multipart_type(type, boundary), "a boundary of %d characters is multipart", length);
        is_text(boundary, length == 70 ? text : "", "a boundary of up to 70 characters is accepted");
    }
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char boundary[MULTIPART_BOUNDARY_SIZE] = "unset";
        bool multipart = multipart_type(rows[i].type, boundary);
        is_text(multipart ? boundary : NULL, rows[i].boundary, "type: %s", rows[i].type);
    }
    test_length("");
    test_length("\"");
    return done_testing();
}
