// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/http/client.h"
#include "base/result.h"
#include "runtime/image/reference.h"

// What registries say when they refuse (distribution specification, "Error Codes"), in the words that docker has for
// it.
namespace ballast::registry {

struct RegistryError {
    int status = 0;
    std::string code = {};    // "MANIFEST_UNKNOWN"; empty: the answer was not of that form
    std::string message = {}; // safe to print, at most 500 bytes

    // "manifest unknown: manifest unknown", "unauthorized: authentication required"
    std::string text() const;
};

// {"errors":[{"code","message","detail"}…]} or a token server's {"details"} or {"error","error_description"}; the first
// error counts. Of anything else the status is all there is.
RegistryError parse_registry_error(int status, std::string_view body);
// The same, with what a bearer challenge says about a refused token (RFC 6750 section 3.1).
RegistryError registry_error_of(const http::ClientResponse &response);

// The error of a pull, a push and anything else. Codes as pull.h has them.
Error pull_error(const RegistryError &error, const image::Reference &reference);
Error push_error(const RegistryError &error, const image::Reference &reference);
Error other_error(const RegistryError &error, const std::string &what);

// What to do about an error of http::Client, added to its message: where to put a certificate, what to configure.
Error with_advice(Error error, const std::string &domain);

} // namespace ballast::registry
