// SPDX-License-Identifier: Apache-2.0
#include "base/ostree.h"

namespace ballast::glib {
namespace {

int code_of(const GError *error) {
    if (error == nullptr) {
        return EIO;
    }
    if (error->domain == OSTREE_GPG_ERROR) {
        return EKEYREJECTED;
    }
    if (error->domain != G_IO_ERROR) {
        return EIO;
    }
    switch (error->code) {
    case G_IO_ERROR_NO_SPACE:
        return ENOSPC;
    case G_IO_ERROR_CANCELLED:
        return ECANCELED;
    case G_IO_ERROR_NOT_FOUND:
        return ENOENT;
    case G_IO_ERROR_READ_ONLY:
        return EROFS;
    case G_IO_ERROR_TIMED_OUT:
        return ETIMEDOUT;
    default:
        return EIO;
    }
}

} // namespace

std::unexpected<Error> failed(const std::string &what, GError *error) {
    const std::string message = what + ": " + (error != nullptr ? error->message : "unknown error");
    const int code = code_of(error);
    g_clear_error(&error);
    return fail(code, message);
}

} // namespace ballast::glib
