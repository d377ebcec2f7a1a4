// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/file_stamp.h"
#include "base/http/peer.h"
#include "base/http/socket_stream.h"
#include "base/result.h"

struct ssl_st;
struct ssl_ctx_st;

namespace ballast::http {

// PEM files. The key's must be its owner's alone.
struct TlsFiles {
    std::filesystem::path authorities; // whose certificates clients show; empty: they are not asked for one
    std::filesystem::path certificate; // ours, and those between it and its authority
    std::filesystem::path key;
    bool strangers = false; // clients without a certificate get through, too; those with a wrong one never do
};

// What clients by TLS are met with: made from files, and anew for the next client when one of these is another. From
// several threads.
class TlsCredentials {
  public:
    struct Free {
        void operator()(ssl_ctx_st *context) const;
        void operator()(ssl_st *session) const;
    };
    using Context = std::unique_ptr<ssl_ctx_st, Free>;
    using Session = std::unique_ptr<ssl_st, Free>; // OpenSSL's, of one client

    // EINVAL, EPERM, ENOENT: what is wrong with the files, and with which.
    Status open(const TlsFiles &files);
    // From the next client on.
    void use(const TlsFiles &files);
    // What cannot be used of other files is logged, and what was read before holds. Null: out of memory.
    Session session();

  private:
    using Stamps = std::array<FileStamp, 3>;
    Stamps stamps() const;
    void read_again();

    std::mutex mutex_; // over all
    TlsFiles files_;
    Stamps stamps_{};
    Context context_;
};

// One client: TLS on its socket, and a plain connection behind it. In one thread.
class TlsClient {
  public:
    // What is given outlives it. Readable `stop`: it is over.
    TlsClient(TlsCredentials &credentials, BorrowedFd socket, BorrowedFd stop);

    // Whether the client is one of ours. `why` not, otherwise.
    bool shake_hands(std::string &why);
    // Whose certificate it has shown; nothing: none.
    std::optional<CertifiedName> certified() const;
    // Copies both ways until both are closed, or the client is gone.
    void run(Fd plain);

  private:
    using Clock = SocketStream::Clock;
    static constexpr std::size_t kPiece = 16UL << 10; // a record of TLS

    bool note(int result);
    bool wait(std::optional<Clock::time_point> deadline);
    bool bring_up();
    bool bring_down();

    TlsCredentials::Session session_; // null: out of memory
    BorrowedFd socket_, stop_;
    Fd plain_;
    short socket_events_ = 0, plain_events_ = 0;
    std::array<char, kPiece> up_room_{}, down_room_{};
    std::string_view up_, down_; // what is on its way
    bool up_closed_ = false, down_closed_ = false;
};

} // namespace ballast::http
