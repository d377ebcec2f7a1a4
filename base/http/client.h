// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/proxy.h"
#include "base/http/url.h"
#include "base/result.h"

// HTTP/1.1 requests by libcurl. A request runs in the caller's thread until its response is complete; several threads
// may use one Client at once, and each request in progress has a connection of its own.
namespace ballast::http {

struct ClientHeader {
    std::string name;
    std::string value;
};

// What the server said before the body. 1xx responses and a proxy's own answers are not seen.
struct ResponseHead {
    int status = 0;
    std::vector<ClientHeader> headers = {};

    // The first header of this name, in any case; empty when there is none.
    std::string_view header(std::string_view name) const;
    std::vector<std::string_view> all(std::string_view name) const;
    // Content-Length, or nothing when it is missing or no number.
    std::optional<std::uint64_t> content_length() const;
};

struct ClientResponse {
    ResponseHead head;
    std::string body; // unless the request has a sink
};

struct ClientTls {
    bool verify = true;                               // false: any certificate of any name is fine
    std::string authorities;                          // certificates (PEM) that are trusted beside the system's
    bool only_those = false;                          // the system's are not trusted
    std::filesystem::path certificate = {}, key = {}; // PEM files by which the client shows who it is; both or neither
    std::string certificate_text = {}, key_text = {}; // the same as texts; they win over the files
    bool operator==(const ClientTls &) const = default;
};

// How long a request waits for others. Time spent in sinks and sources of the caller does not count, except in `total`.
struct ClientPatience {
    std::chrono::milliseconds connect{15'000}; // name, TCP, proxy and TLS together
    std::chrono::milliseconds idle{60'000};    // without a byte in either direction
    // Less than `slow_bytes` in `slow_time` of waiting for the body is a stall, too; 0: no such limit.
    std::uint64_t slow_bytes = 0;
    std::chrono::milliseconds slow_time{30'000};
    std::optional<std::chrono::milliseconds> total = {}; // from start to end
};

struct ClientRequest {
    // What is given to a body in pieces: fills the span and says how much; 0 is the end.
    using Source = std::function<Result<std::size_t>(std::span<char> piece)>;

    std::string method = "GET";
    Url url;
    std::vector<ClientHeader> headers = {};        // sent to the server, never to a proxy
    std::string body = {};                         // with POST, PUT and PATCH always sent, even when empty
    Source source = {};                            // instead of `body`
    std::optional<std::uint64_t> source_size = {}; // bytes that `source` gives; nothing: chunked
    std::function<Status()> rewind = {};           // starts `source` anew, should a kept connection turn out to be dead

    // Called once, before the body; an error ends the request and is its result.
    std::function<Status(const ResponseHead &)> on_head = {};
    // Takes the body piece by piece. Without it the body is collected, and EFBIG when longer than `most_body`.
    std::function<Status(std::string_view)> sink = {};
    std::uint64_t most_body = 4ULL << 20;
    std::size_t most_header_bytes = 64UL << 10;

    ClientTls tls = {};
    std::string proxy = {};                 // as choose_proxy() says; empty: none. The environment is not asked.
    std::filesystem::path unix_socket = {}; // connect there instead of to the URL's host
    ClientPatience patience = {};
    std::stop_token stop = {}; // ends the request at once, from any thread
};

// Keeps connections for reuse until destruction, which must come after the last request has returned.
class Client {
  public:
    Client();
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;
    ~Client();

    // A response of any status is a success; redirects are not followed. Errors start with "METHOD URL-without-query:
    // ":
    //   ECANCELED      `stop` was asked for
    //   ETIMEDOUT      the patience is at its end
    //   EHOSTUNREACH   the name does not resolve
    //   ECONNREFUSED   nobody listens, or the way there is closed
    //   EACCES         the proxy does not let us through
    //   ECONNRESET     the connection broke before the response was whole
    //   EKEYREJECTED   the server's certificate cannot be trusted, or it refuses ours
    //   EPROTO         what speaks there does not speak TLS, or not HTTP
    //   EFBIG          header or body over their limits
    //   EINVAL         the request cannot be sent as it is
    // and whatever a sink, a source or on_head returned.
    Result<ClientResponse> send(const ClientRequest &request);

  private:
    struct Pool;
    std::unique_ptr<Pool> pool_;
};

} // namespace ballast::http
