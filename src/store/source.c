#include "store/source.h"
