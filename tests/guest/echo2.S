/*
 * echo2.S - echo.S at COM2.
 */
#define PORT 0x2f8
#include "tests/guest/echo.S"
