// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/http/exchange.h"
#include "base/json/json_cursor.h"
#include "base/result.h"
#include "runtime/api/backend.h"

namespace ballast::api {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t kLargestBody = 4UL << 20; // of JSON

// The HTTP status that an error's code stands for.
unsigned status_of(int code);
// {"message": …} and a line end, as every error of the API looks.
std::string error_body(std::string_view message);
// As text, whatever the bytes: what is not UTF-8 is replaced.
std::string text_of(const Json &json);

// One request to the API, on its way through its handler.
class Call {
  public:
    Call(http::Exchange &exchange, Backend &backend, unsigned version, std::string name)
        : exchange_(exchange), backend_(backend), version_(version), name_(std::move(name)) {}

    http::Exchange &exchange() { return exchange_; }
    Backend &backend() { return backend_; }
    engine::Engine &engine() { return backend_.engine; }
    image::ImageStore &images() { return backend_.images; }
    unsigned version() const { return version_; }     // the minor one that was agreed on
    const std::string &name() const { return name_; } // what stands for {…} in the route
    std::string_view query(std::string_view key) const { return exchange_.request().query.get(key); }
    bool has(std::string_view key) const { return exchange_.request().query.has(key); }
    // By Docker's rule: empty, 0, no, false and none are false.
    bool flag(std::string_view key, bool otherwise = false) const;
    // EINVAL when it is no whole number in the range; nothing when it is missing or empty.
    Result<std::optional<std::int64_t>> number(std::string_view key, std::int64_t least, std::int64_t most) const;
    // "filters": {"label": ["a=b"]}, and the older {"label": {"a=b": true}}.
    Result<engine::Filters> filters() const;

    // The body. Absent and allowed to be: an empty object. EINVAL with the path of what is wrong in it.
    Result<std::unique_ptr<JsonDocument>> json_body(bool required = true);

    Status answer(unsigned status, const Json &json);
    Status nothing(unsigned status = 204);
    Status refuse(unsigned status, std::string_view message, const http::Headers &extra = {});
    Status refuse(const Error &error) { return refuse(status_of(error.code), error.message); }

    // Of every answer.
    http::Headers headers(std::string_view content_type, const http::Headers &extra = {}) const;

  private:
    http::Exchange &exchange_;
    Backend &backend_;
    unsigned version_;
    std::string name_;
};

// The value of the query's "filters". EINVAL for what is neither form.
Result<engine::Filters> parse_filters(std::string_view text);
// EINVAL "invalid filter 'x'" for the first name that is not known.
Status check_filters(const engine::Filters &filters, std::initializer_list<std::string_view> known);

} // namespace ballast::api
