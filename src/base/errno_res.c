#include "base/errno_res.h"
