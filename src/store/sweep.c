#include "store/sweep.h"
