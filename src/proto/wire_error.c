#include "proto/wire_error.h"
