#include "store/jail.h"
