#include <wherry/res.h>
