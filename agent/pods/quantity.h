// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::agent {

// A whole number and nothing else.
std::optional<std::int64_t> number_in(std::string_view text);

// An amount as Kubernetes writes it: "500m", "1.5", "64Mi", "1e3". Never less than zero here.
class Quantity {
  public:
    // Nothing for other forms, and for what does not fit into 64 bits of thousandths.
    static std::optional<Quantity> parse(std::string_view text);
    static Quantity of(std::int64_t whole);
    static Quantity of_milli(std::int64_t milli);

    // Rounded up, as Kubernetes does.
    std::int64_t whole() const { return (milli_ + 999) / 1000; }
    std::int64_t milli() const { return milli_; }
    // Divided by another, rounded up; 0 when that is 0.
    std::int64_t in(const Quantity &divisor) const;
    const std::string &text() const { return text_; }
    std::strong_ordering operator<=>(const Quantity &other) const { return milli_ <=> other.milli_; }
    bool operator==(const Quantity &other) const { return milli_ == other.milli_; }

  private:
    std::int64_t milli_ = 0;
    std::string text_ = "0";
};

} // namespace ballast::agent
