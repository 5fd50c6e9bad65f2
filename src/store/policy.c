#include "store/policy.h"
