// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/http/peer.h"
#include "base/http/tls_client.h"
#include "base/result.h"

namespace ballast::http {

// TLS 1.2 or later in front of a server that knows nothing of it: only clients with a certificate of `authorities` get
// through, unless it lets strangers in, and each becomes a plain connection. A thread per client copies both ways,
// half-closes included, so that whoever has the plain connection may give it away.
class TlsFront {
  public:
    // A Unix stream socket, and who is behind it; called in the client's thread.
    using Accept = std::function<void(Fd connection, Peer client)>;

    // What is wrong with the files is an error that names the one. When one of them is another, all are read again for
    // the next client; what cannot be used then is logged, and what was read before holds.
    static Result<std::unique_ptr<TlsFront>> start(std::vector<Fd> listeners, const TlsFiles &files, Accept accept);
    // Cuts all clients off.
    ~TlsFront();
    // From the next client on. From any thread.
    void use(const TlsFiles &files);
    TlsFront(const TlsFront &) = delete;
    TlsFront &operator=(const TlsFront &) = delete;

  private:
    struct State;
    explicit TlsFront(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace ballast::http
