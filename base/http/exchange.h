// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/http/hangup_watch.h"
#include "base/http/peer.h"
#include "base/http/target.h"
#include "base/result.h"

// One request on an HTTP/1.1 connection (RFC 9112) and the answer to it, as the handler sees them.
namespace ballast::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Limits {
    std::size_t connections = 1024;        // one more is answered with 503
    std::size_t header_bytes = 64UL << 10; // more: 431
    std::size_t thread_stack = 256UL << 10;
    std::chrono::milliseconds header_time = std::chrono::seconds(30); // from a request's first byte to its headers' end
    std::chrono::milliseconds idle_time = std::chrono::minutes(3);    // between two requests
    std::chrono::milliseconds body_time = std::chrono::minutes(10);   // without a byte of a body
    std::chrono::milliseconds write_time = std::chrono::minutes(30);  // without the client taking a byte
};

struct Request {
    std::string method;
    std::string target; // as sent
    std::string path;   // of the target, percent-decoded
    Query query;
    Headers headers;
    bool has_body = false;

    // Letters' case does not count; empty when it is missing.
    std::string_view header(std::string_view name) const;
    bool is_head() const { return method == "HEAD"; }
};

// A connection that speaks another protocol from here on.
struct Hijacked {
    Fd socket;              // blocking
    std::string read_ahead; // what the client sent behind its request; comes before what the socket holds
};

// Errors of all reads and writes: ECONNRESET and EPIPE when the client is gone, ETIMEDOUT when it stands still, EBADMSG
// for what is not HTTP.
class Exchange {
  public:
    class Connection;
    explicit Exchange(Connection &connection) : connection_(connection) {}
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

    const Request &request() const;
    const Peer &peer() const;

    // Some bytes of the body; 0 at its end. Asks a client that waits for it (Expect: 100-continue) to go on.
    Result<std::size_t> read_body(std::span<char> into);
    // All of it. EFBIG when it is longer than `most` bytes.
    Result<std::string> whole_body(std::size_t most);

    // The whole answer at once. A second answer to one request is EALREADY.
    Status answer(unsigned status, const Headers &headers, std::string_view body);
    bool answered() const;

    // An answer whose length is not known yet. The head is sent at once; each write() is sent before it returns. A
    // handler that returns without finish() breaks the connection off: the client sees that something is missing.
    // With Ending::kConnection the end of the connection is the end of the answer, for clients that lose what they read
    // together with a last chunk; they cannot see that a handler has given up.
    enum class Ending { kChunk, kConnection };
    Status begin(unsigned status, const Headers &headers, Ending ending = Ending::kChunk);
    Status write(std::string_view bytes);
    Status finish();

    // Sleeps until `event` is readable, the time is over, the client hung up or the server stops.
    enum class Wake { kEvent, kTime, kClientGone, kStopping };
    Wake wait(std::optional<BorrowedFd> event, std::optional<std::chrono::milliseconds> time = std::nullopt);
    bool client_gone();
    // For calls that take a stop token: asked to stop when the client hangs up or the server stops.
    HangupWatch::Watched watch_client();
    // Readable once the server stops, for those who poll on their own.
    BorrowedFd stop_event() const;

    // Answers 101 "UPGRADED" when the client asked for an upgrade, else 200, and hands the connection over. What is
    // left of the body is dropped.
    Result<Hijacked> hijack(std::string_view content_type);
    // The same for other upgrades (RFC 9110, section 7.8): 101 with these headers, of which Upgrade is one.
    Result<Hijacked> upgrade(const Headers &headers);

  private:
    Connection &connection_;
};

} // namespace ballast::http
