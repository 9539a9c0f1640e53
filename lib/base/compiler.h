/* Compiler attributes that catch misuse of a function, and the length of an array. */
#ifndef LIB_BASE_COMPILER_H
#define LIB_BASE_COMPILER_H

#define WARN_UNUSED              __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define COUNT_OF(array)          (sizeof(array) / sizeof((array)[0]))

#endif
