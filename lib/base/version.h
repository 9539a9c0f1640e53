/* The version of the product, from the file VERSION. */
#ifndef LIB_BASE_VERSION_H
#define LIB_BASE_VERSION_H

extern const char version[];

#endif
