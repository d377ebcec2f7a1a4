// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/session.h"

#include <ctime>

#include "runtime/registry/challenge.h"

namespace ballast::registry {
namespace {

constexpr std::size_t kLargestErrorBody = 64UL << 10;
constexpr std::uint64_t kMostIgnored = 1UL << 20; // of an error's body, before the connection is worth less
constexpr int kUnauthorized = 401;

bool is_success(int status) { return status >= 200 && status < 300; }

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

} // namespace

Session::Session(const RegistrySettings &settings, Endpoint endpoint, const Credentials &credentials,
                 std::stop_token stop)
    : settings_(settings), endpoint_(std::move(endpoint)), stop_(std::move(stop)),
      authorizer_(client_, settings_, endpoint_.url, endpoint_.is_mirror ? Credentials{} : credentials) {}

http::Url Session::url(const std::string &target) const {
    http::Url url = endpoint_.url;
    url.target = target;
    return url;
}

Result<http::ClientResponse> Session::send(const Ask &ask, const http::Url &url, const std::string &authorization) {
    const Way way = TRY(find_way(settings_.hosts, url));
    http::ClientRequest request{.method = ask.method,
                                .url = url,
                                .headers = ask.headers,
                                .body = ask.body,
                                .source = ask.source,
                                .source_size = ask.source_size,
                                .rewind = ask.rewind,
                                .most_body = ask.most_body,
                                .tls = way.tls,
                                .proxy = way.proxy,
                                .patience = settings_.patience,
                                .stop = stop_};
    request.headers.push_back({"User-Agent", settings_.user_agent});
    if (!authorization.empty()) {
        request.headers.push_back({"Authorization", authorization});
    }
    bool succeeds = false;
    std::string collected;
    std::uint64_t size = 0;
    request.on_head = [&](const http::ResponseHead &head) -> Status {
        succeeds = is_success(head.status);
        return succeeds && ask.on_head ? ask.on_head(head) : Status();
    };
    request.sink = [&](std::string_view piece) -> Status {
        size += piece.size();
        if (succeeds && ask.sink) {
            return ask.sink(piece);
        }
        if (succeeds ? size > ask.most_body : size > kMostIgnored) {
            return fail(EFBIG, "the answer is larger than " + std::to_string(succeeds ? ask.most_body : kMostIgnored) +
                                   " bytes");
        }
        if (succeeds || collected.size() < kLargestErrorBody) {
            collected.append(piece);
        }
        return {};
    };
    http::ClientResponse response = TRY(client_.send(request));
    response.body = std::move(collected);
    return response;
}

Result<http::ClientResponse> Session::ask_once(const Ask &ask) {
    http::Url url = ask.url;
    unsigned redirects = 0;
    unsigned challenges = 0;
    while (true) {
        const bool is_own = url.same_origin(endpoint_.url);
        const std::string authorization = is_own ? TRY(authorizer_.header(ask.scope, stop_)) : "";
        http::ClientResponse response = TRY(send(ask, url, authorization));
        const int status = response.head.status;
        has_answered_ = true;
        if (!is_own && !is_success(status)) {
            response.body.clear(); // what a strange host says shall not be shown as the registry's word
        }
        const bool repeatable = !ask.source || ask.rewind;
        if (status == kUnauthorized && is_own && repeatable && challenges < 2) {
            ++challenges;
            const std::vector<Challenge> offered = parse_challenges(response.head.all("WWW-Authenticate"));
            if (!TRY(authorizer_.challenged(offered, authorization, ask.scope, stop_))) {
                return response;
            }
            if (ask.rewind) {
                TRY(ask.rewind());
            }
            continue;
        }
        if (!is_redirect(status) || (ask.method != "GET" && ask.method != "HEAD")) {
            return response;
        }
        if (++redirects > kMostRedirects) {
            return fail(ELOOP, url.authority() + " redirects more than " + std::to_string(kMostRedirects) + " times");
        }
        const http::Url next = TRY(http::resolve_url(url, response.head.header("Location")));
        if (url.is_secure() && !next.is_secure()) {
            return fail(EACCES, url.authority() + " redirects to plain HTTP, at " + next.authority() + ": refused");
        }
        url = next;
    }
}

Result<http::ClientResponse> Session::ask(const Ask &ask) {
    for (unsigned made = 1;; ++made) {
        Result<http::ClientResponse> answer = ask_once(ask);
        Failure failure{.code = answer.has_value() ? 0 : answer.error().code};
        if (answer.has_value()) {
            failure.status = answer->head.status;
            failure.retry_after = parse_retry_after(answer->head.header("Retry-After"), std::time(nullptr));
        }
        // Another endpoint may do better than waiting.
        const bool give_up = endpoint_.has_other && (endpoint_.is_mirror || !has_answered_);
        const auto delay = next_delay(settings_.retry, failure, made, random_jitter());
        if (!delay || give_up) {
            return answer;
        }
        TRY(wait(*delay, stop_));
    }
}

} // namespace ballast::registry
