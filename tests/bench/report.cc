// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <format>
#include <nlohmann/json.hpp>

namespace ballast::bench {
namespace {

using Row = std::array<std::string, 5>;

constexpr double kSmall = 10; // figures below it have two digits behind the point

std::string figure(const Summary &summary, const std::string &unit) {
    if (summary.n == 0) {
        return "-";
    }
    const int digits = summary.median < kSmall ? 2 : 1;
    std::string text = std::format("{:.{}f} {}", summary.median, digits, unit);
    if (summary.n > 1 && summary.least != summary.most) {
        text += std::format(" ({:.{}f} to {:.{}f})", summary.least, digits, summary.most, digits);
    }
    return text;
}

Row row_of(const Comparison &result) {
    const std::optional<double> quotient = ratio(result.ours, result.theirs);
    Row row{result.name, figure(result.ours, result.unit), figure(result.theirs, result.unit),
            quotient ? std::format("{:.2f}", *quotient) : "-", ""};
    if (result.budget) {
        const char *verdict = !quotient ? "unknown" : *quotient <= *result.budget ? "kept" : "exceeded";
        row[4] = std::format("at most {:.2f}: {}", *result.budget, verdict);
    }
    return row;
}

double rounded(double value) { return std::round(value * 1000) / 1000; }

} // namespace

std::string table(const Report &report) {
    std::vector<Row> rows{{report.bench, "ours", report.peer, "ratio", "budget"}};
    std::ranges::transform(report.results, std::back_inserter(rows), row_of);
    std::array<std::size_t, 5> widths{};
    for (const Row &row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    for (const Row &row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += std::format("{:<{}}  ", row[i], widths[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string json_text(const Report &report) {
    nlohmann::ordered_json results = nlohmann::ordered_json::array();
    for (const Comparison &result : report.results) {
        const std::optional<double> quotient = ratio(result.ours, result.theirs);
        results.push_back({{"name", result.name},
                           {"ours", rounded(result.ours.median)},
                           {"theirs", rounded(result.theirs.median)},
                           {"peer", result.peer.empty() ? report.peer : result.peer},
                           {"unit", result.unit},
                           {"ratio", quotient ? nlohmann::ordered_json(rounded(*quotient)) : nullptr},
                           {"n", result.ours.n}});
    }
    const nlohmann::ordered_json document = {{"bench", report.bench}, {"results", std::move(results)}};
    return document.dump(1) + "\n";
}

} // namespace ballast::bench
