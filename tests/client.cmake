# SPDX-License-Identifier: BSD-2-Clause
wherry_test(url LINK client)
wherry_test(attempts LINK client)
wherry_test(progress LINK client)
wherry_test(client_options LINK client)
wherry_test(outcome LINK client)
