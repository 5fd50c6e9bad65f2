#include "io/pool.h"
