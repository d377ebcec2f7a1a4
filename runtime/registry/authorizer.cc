// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/authorizer.h"

#include <algorithm>

#include "base/base64.h"
#include "base/json/json_cursor.h"
#include "base/quote.h"
#include "runtime/registry/registry_error.h"

namespace ballast::registry {
namespace {

constexpr std::size_t kLargestAnswer = 256UL << 10;
constexpr std::size_t kLongestToken = 32UL << 10;
constexpr std::size_t kLongestScope = 1024;
constexpr std::chrono::seconds kShortestLife{60}; // the specification's default, and what clients may count on
constexpr std::chrono::seconds kLongestLife{24L * 3600};
constexpr std::string_view kClientId = "ballast";

// b64token of RFC 6750, and what registries hand out in practice.
bool is_token_text(std::string_view text) {
    return text.size() <= kLongestToken && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

void add(std::string &query, std::string_view name, std::string_view value) {
    query += query.empty() ? "" : "&";
    query.append(name).append("=").append(http::url_encode(value));
}

// The scopes of both, each once.
std::string joined_scopes(const std::string &wanted, const std::string &named) {
    std::string all = wanted;
    for (std::size_t start = 0; start < named.size();) {
        const std::size_t end = std::min(named.find(' ', start), named.size());
        const std::string one = named.substr(start, end - start);
        if (!one.empty() && !(" " + all + " ").contains(" " + one + " ")) {
            all += (all.empty() ? "" : " ") + one;
        }
        start = end + 1;
    }
    return all;
}

void add_scopes(std::string &query, const std::string &scopes, bool as_one) {
    if (as_one) { // RFC 6749 section 3.3
        if (!scopes.empty()) {
            add(query, "scope", scopes);
        }
        return;
    }
    for (std::size_t start = 0; start < scopes.size();) {
        const std::size_t end = std::min(scopes.find(' ', start), scopes.size());
        add(query, "scope", std::string_view(scopes).substr(start, end - start));
        start = end + 1;
    }
}

} // namespace

Result<Token> parse_token(std::string_view json) {
    const std::string name = "token";
    Result<JsonDocument> document = JsonDocument::parse(json, name);
    if (!document.has_value()) {
        return fail(EINVAL, name + ": not JSON"); // the parser's message could show a part of it
    }
    const JsonCursor root(*document);
    Token token{.value = root.at("token").text(), .refresh = root.at("refresh_token").text()};
    if (token.value.empty()) {
        token.value = root.at("access_token").text();
    }
    const auto life = root.at("expires_in").number<std::int64_t>(0, std::numeric_limits<std::int64_t>::max(), 0);
    if (document->failed() || token.value.empty() || !is_token_text(token.value) || !is_token_text(token.refresh)) {
        return fail(EINVAL, name + ": the answer holds no token that can be used");
    }
    token.life = std::clamp(std::chrono::seconds(std::min<std::int64_t>(life, kLongestLife.count())), kShortestLife,
                            kLongestLife);
    return token;
}

Result<http::Url> check_realm(const http::Url &registry, std::string_view realm) {
    Result<http::Url> url = http::parse_url(realm);
    if (!url.has_value()) {
        return fail(EACCES, registry.authority() + " names a token server that is no URL: " + shortly_quoted(realm));
    }
    if (registry.is_secure() && !url->is_secure()) {
        return fail(EACCES, registry.authority() + " names a token server without TLS (" + shortly_quoted(realm) +
                                "): nothing is sent there");
    }
    return url;
}

std::string Authorizer::refresh_token() const {
    const std::lock_guard lock(mutex_);
    return refresh_;
}

Result<std::string> Authorizer::header(const std::string &scope, const std::stop_token &stop) {
    if (!credentials_.registry_token.empty()) {
        return "Bearer " + credentials_.registry_token;
    }
    const std::lock_guard lock(mutex_);
    if (uses_basic_) {
        return "Basic " + base64(credentials_.user + ":" + credentials_.password);
    }
    if (!realm_) {
        return "";
    }
    const auto held = tokens_.find(scope);
    if (held != tokens_.end() && held->second.until > std::chrono::steady_clock::now()) {
        return "Bearer " + held->second.token;
    }
    return "Bearer " + TRY(fetch(scope, stop));
}

Result<bool> Authorizer::challenged(const std::vector<Challenge> &challenges, const std::string &sent,
                                    const std::string &scope, const std::stop_token &stop) {
    if (!credentials_.registry_token.empty()) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    const auto bearer = std::ranges::find(challenges, "bearer", &Challenge::scheme);
    const auto basic = std::ranges::find(challenges, "basic", &Challenge::scheme);
    if (bearer != challenges.end()) {
        if (const auto held = tokens_.find(scope); held != tokens_.end()) {
            if ("Bearer " + held->second.token != sent) {
                return true; // another thread has got a new one meanwhile
            }
            tokens_.erase(held);
        }
        realm_ = TRY(check_realm(registry_, bearer->parameter("realm")));
        service_ = bearer->parameter("service").substr(0, kLongestScope);
        challenge_scope_ = bearer->parameter("scope").substr(0, kLongestScope);
        TRY(fetch(scope, stop));
        return true;
    }
    if (basic != challenges.end()) {
        if (credentials_.user.empty() && credentials_.password.empty()) {
            return fail(EACCES, "no basic auth credentials: log in with 'docker login " + registry_.authority() + "'");
        }
        const bool is_first = !uses_basic_ || !sent.starts_with("Basic ");
        uses_basic_ = true;
        return is_first;
    }
    return false;
}

// Redirects of a token server are not followed: it could name any host, and the credentials are for this one.
Result<http::ClientResponse> Authorizer::ask_realm(const std::string &scope, const std::stop_token &stop) {
    const std::string scopes = joined_scopes(scope, challenge_scope_);
    const Way way = TRY(find_way(settings_.hosts, *realm_));
    http::ClientRequest request{.url = *realm_,
                                .headers = {{"Accept", "application/json"}, {"User-Agent", settings_.user_agent}},
                                .most_body = kLargestAnswer,
                                .tls = way.tls,
                                .proxy = way.proxy,
                                .patience = settings_.patience,
                                .stop = stop};
    std::string query;
    if (!credentials_.identity_token.empty()) {
        request.method = "POST";
        request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
        add(query, "grant_type", "refresh_token");
        add(query, "service", service_);
        add_scopes(query, scopes, true);
        add(query, "client_id", kClientId);
        add(query, "refresh_token", credentials_.identity_token);
        request.body = query;
        return client_.send(request);
    }
    if (!service_.empty()) {
        add(query, "service", service_);
    }
    add_scopes(query, scopes, false);
    if (!credentials_.user.empty()) {
        add(query, "account", credentials_.user);
        request.headers.push_back(
            {"Authorization", "Basic " + base64(credentials_.user + ":" + credentials_.password)});
    }
    if (wants_refresh_) {
        add(query, "client_id", kClientId);
        add(query, "offline_token", "true");
    }
    request.url.target += (request.url.target.contains('?') ? "&" : "?") + query;
    return client_.send(request);
}

Result<std::string> Authorizer::fetch(const std::string &scope, const std::stop_token &stop) {
    constexpr int kOk = 200;
    constexpr int kBadRequest = 400;
    const std::string server = "token server " + realm_->authority();
    std::optional<http::ClientResponse> response;
    for (unsigned made = 1; !response; ++made) {
        Result<http::ClientResponse> answer = ask_realm(scope, stop);
        Failure failure{.code = answer.has_value() ? 0 : answer.error().code};
        if (answer.has_value()) {
            failure.status = answer->head.status;
            failure.retry_after = parse_retry_after(answer->head.header("Retry-After"), ::time(nullptr));
        }
        const auto delay = next_delay(settings_.retry, failure, made, random_jitter());
        if (!delay && !answer.has_value()) {
            return std::unexpected(with_advice(std::move(answer.error()), realm_->authority()));
        }
        if (!delay) {
            response = std::move(*answer);
        } else {
            TRY(wait(*delay, stop));
        }
    }
    if (response->head.status != kOk) {
        const RegistryError refused = parse_registry_error(response->head.status, response->body);
        const Error error = other_error(refused, server);
        const bool is_refusal = error.code == EACCES || refused.status == kBadRequest || error.code == ENOENT;
        return fail(is_refusal ? EACCES : error.code,
                    is_refusal && refused.code.empty()
                        ? "unauthorized: " +
                              (refused.message.empty() ? "authentication required (" + server + ")" : refused.message)
                        : error.message);
    }
    Token token = TRY(parse_token(response->body).within(server));
    // A little less than its life: it must still be good when it arrives.
    const auto until = std::chrono::steady_clock::now() + token.life - token.life / 10;
    refresh_ = token.refresh.empty() ? refresh_ : token.refresh;
    tokens_[scope] = {.token = token.value, .until = until};
    return token.value;
}

} // namespace ballast::registry
