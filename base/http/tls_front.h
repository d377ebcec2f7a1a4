// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::http {

// PEM files. The key's must be its owner's alone.
struct TlsFiles {
    std::filesystem::path authorities; // whose certificates clients show
    std::filesystem::path certificate; // ours, and those between it and its authority
    std::filesystem::path key;
};

// TLS 1.2 or later in front of a server that knows nothing of it: only clients with a certificate of `authorities` get
// through, and each becomes a plain connection. A thread per client copies both ways, half-closes included, so that
// whoever has the plain connection may give it away.
class TlsFront {
  public:
    using Accept = std::function<void(Fd connection)>; // a Unix stream socket; called in the client's thread

    // What is wrong with the files is an error that names the one. They are read once.
    static Result<std::unique_ptr<TlsFront>> start(std::vector<Fd> listeners, const TlsFiles &files, Accept accept);
    // Cuts all clients off.
    ~TlsFront();
    TlsFront(const TlsFront &) = delete;
    TlsFront &operator=(const TlsFront &) = delete;

  private:
    struct State;
    explicit TlsFront(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace ballast::http
