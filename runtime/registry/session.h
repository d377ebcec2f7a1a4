// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/http/client.h"
#include "base/result.h"
#include "runtime/registry/authorizer.h"
#include "runtime/registry/credentials.h"
#include "runtime/registry/hosts.h"
#include "runtime/registry/registry_settings.h"

namespace ballast::registry {

inline constexpr unsigned kMostRedirects = 5;

// A conversation with one endpoint: authorization, redirects, retries. Thread-safe; each request in progress has its
// own connection. Whatever host a redirect or a document names gets no Authorization, unless it is the endpoint itself.
class Session {
  public:
    // `settings` must outlive it.
    Session(const RegistrySettings &settings, Endpoint endpoint, const Credentials &credentials, std::stop_token stop);

    struct Ask {
        std::string method = "GET";
        http::Url url;
        std::string scope = {};
        std::vector<http::ClientHeader> headers = {};
        std::string body = {};
        http::ClientRequest::Source source = {};
        std::optional<std::uint64_t> source_size = {};
        // Starts `source` anew; without it a body from a source is sent once.
        std::function<Status()> rewind = {};
        // Both for the final answer alone, and only when its status is 2xx; other bodies are collected, up to 64 KiB.
        std::function<Status(const http::ResponseHead &)> on_head = {};
        std::function<Status(std::string_view)> sink = {};
        std::uint64_t most_body = 4ULL << 20;
    };

    // Once: any answer but 401 and redirects (of GET and HEAD; five at most, never from TLS to plain HTTP).
    Result<http::ClientResponse> ask_once(const Ask &ask);
    // Several times, by the retry policy: for what may be asked twice, without a sink. Where another endpoint follows,
    // a mirror, and a host that was never reached, are asked once.
    Result<http::ClientResponse> ask(const Ask &ask);

    http::Url url(const std::string &target) const; // of the endpoint
    const Endpoint &endpoint() const { return endpoint_; }
    const RegistrySettings &settings() const { return settings_; }
    const std::stop_token &stop() const { return stop_; }
    Authorizer &authorizer() { return authorizer_; }

  private:
    Result<http::ClientResponse> send(const Ask &ask, const http::Url &url, const std::string &authorization);

    const RegistrySettings &settings_;
    const Endpoint endpoint_;
    const std::stop_token stop_;
    std::atomic<bool> has_answered_ = false;
    http::Client client_;
    Authorizer authorizer_;
};

} // namespace ballast::registry
