"""Branch-free exp, log ratio and Mills ratio that LLVM can vectorise inside a loop.

numba's wheels carry no vector mathematics library, so a call of libm in a loop forbids SIMD. These are polynomials on
plain arithmetic and bit casts; ``python -m benchmarks.regenerate_constants`` recomputes their coefficients. Domain:
finite positive normal numbers where a logarithm is taken; NaN goes through, everything else is the caller's mask.
"""

# ruff: noqa: FURB136  # min and max drop NaN
from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fields.jit import primitive

__all__ = [
    "INV_SQRT_2PI",
    "PHI_LIMIT",
    "bits_of",
    "exp_",
    "float_of",
    "half_power",
    "log_of",
    "log_parts",
    "log_ratio",
    "mills",
    "mills_pair",
    "normal_density",
    "tail_factor",
]

INV_SQRT_2PI = 0.3989422804014327
# Beyond it the normal density is below the smallest normal number; it is flushed to 0.
PHI_LIMIT = 37.5

_LOG2_E = 1.4426950408889634
# ln 2 in two parts: the first has 32 trailing zero bits, so that n * _LN2_HIGH is exact.
_LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_LN2 = 0.6931471805599453
# Adding 1.5 * 2**52 rounds to an integer and leaves that integer in the low bits.
_ROUNDER = 6755399441055744.0
_EXP_LOW = -708.0
_HALF_POWER_HIGH = 1021.0
_EXP_HIGH = 709.0

_BIAS = np.uint64(1023)
_MANTISSA_BITS = np.uint64(52)
_HALF_MANTISSA = np.uint64((1 << 51) + (1023 << 52))
_EXPONENT_MASK = np.uint64(0x7FF0000000000000)
_BITS_OF_2_52 = np.uint64(0x4330000000000000)
_UNBIAS = 4503599627370496.0 + 1023.0
# Where M(y) is 1/y to the last bit; keeps the product of the denominators finite.
_MILLS_FAR = 1e30


def _bits_of(_typingctx: Any, _x: Any) -> Any:

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.uint64(types.float64), generate


def _float_of(_typingctx: Any, _bits: Any) -> Any:

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), generate


# A float64 as its bit pattern (uint64), and back; known to numba only.
bits_of = cast("Callable[[float], np.uint64]", intrinsic(_bits_of))
float_of = cast("Callable[[np.uint64], float]", intrinsic(_float_of))


@primitive
def exp_(x: float) -> float:
    """Return e**x, relative error below 3e-16; x is clamped to [-708, 709], NaN stays NaN."""
    x = _EXP_LOW if x < _EXP_LOW else x
    x = _EXP_HIGH if x > _EXP_HIGH else x
    shifted = x * _LOG2_E + _ROUNDER
    n = shifted - _ROUNDER
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    # Even and odd powers apart: two short chains run beside each other, and latency is what limits these loops.
    u = r * r
    odd = 2.5110037605963777e-08
    odd = odd * u + 2.755724091857897e-06
    odd = odd * u + 0.00019841269890047113
    odd = odd * u + 0.008333333333319601
    odd = odd * u + 0.1666666666666668
    even = 2.763263963904103e-07
    even = even * u + 2.4801485482328494e-05
    even = even * u + 0.0013888888952314775
    even = even * u + 0.0416666666664881
    even = even * u + 0.5000000000000019
    # What is added to 1 + r is small, so that its rounding does not count.
    p = 1.0 + (r + u * (odd * r + even))
    # A product instead of an addition to the exponent bits, so that NaN stays NaN.
    return p * float_of((bits_of(shifted) + _BIAS) << _MANTISSA_BITS)


@primitive
def half_power(x: float) -> float:
    """Return 2**-x for finite x >= 0, relative error below 2e-14; it stays at the smallest normal numbers beyond 1021.

    With ``x = d**2 log2(e) / 2`` it is the bell exp(-d**2 / 2) at two thirds of the operations of `exp_`, where a sum
    of many contracts is good to 1e-12 and the rounding of d**2 alone costs 1e-14.
    """
    x = _HALF_POWER_HIGH if x > _HALF_POWER_HIGH else x
    shifted = _ROUNDER - x
    r = x - (_ROUNDER - shifted)
    # One chain: these loops run many nodes at once, so that operations limit them and not latency.
    p = -1.0205905413765595e-07
    p = p * r + 1.325964524488711e-06
    p = p * r - 1.5252672924850737e-05
    p = p * r + 0.0001540343375125101
    p = p * r - 0.0013333558200794592
    p = p * r + 0.009618129193934313
    p = p * r - 0.05550410866465167
    p = p * r + 0.2402265069564034
    p = p * r - 0.6931471805599462
    p = p * r + 1.0000000000000135
    # The power of 2 is added to the exponent bits.
    return float_of(bits_of(p) + (bits_of(shifted) << _MANTISSA_BITS))


@primitive
def log_parts(numerator: float, denominator: float) -> tuple[float, float, float]:
    """Return (difference, total, shift) with ln(numerator / denominator) = `log_of` (difference / total, shift).

    For callers that share one division between the quotient and something else.
    """
    exponent = bits_of(numerator) - bits_of(denominator) + _HALF_MANTISSA
    # Brings the denominator within about a third of the numerator; exact, so the difference below is exact too.
    scaled = denominator * float_of(exponent & _EXPONENT_MASK)
    e = float_of((exponent >> _MANTISSA_BITS) | _BITS_OF_2_52) - _UNBIAS
    return numerator - scaled, numerator + scaled, e * _LN2


@primitive
def log_of(z: float, shift: float) -> float:
    """Return the logarithm from its `log_parts`."""
    u = z * z
    v = u * u
    odd = 0.13435773639999898
    odd = odd * v + 0.13355118635810173
    odd = odd * v + 0.18181837662857653
    odd = odd * v + 0.28571428573695795
    odd = odd * v + 0.6666666666666669
    even = 0.11422383279993766
    even = even * v + 0.15383785337347228
    even = even * v + 0.22222221944659243
    even = even * v + 0.3999999999999061
    even = even * v + 2.0
    return z * (odd * u + even) + shift


@primitive
def log_ratio(numerator: float, denominator: float) -> float:
    """Return ln(numerator / denominator), relative error below 1e-15 also where the two almost agree."""
    difference, total, shift = log_parts(numerator, denominator)
    return log_of(difference / total, shift)


@primitive
def _mills_numerator(t: float) -> float:
    """Return (y + 1) M(y) at t = (y - 5) / (y + 5)."""
    u = t * t
    even = -7.077031841982677e-10
    even = even * u + 9.094218432472913e-09
    even = even * u - 6.589393318333421e-08
    even = even * u + 3.2054886338682205e-07
    even = even * u - 1.7633721137504215e-07
    even = even * u - 2.4805835828998953e-05
    even = even * u + 0.00045704392266072
    even = even * u - 0.0042012903289861386
    even = even * u - 0.03802659218586716
    even = even * u - 0.06617760077909461
    even = even * u + 0.07778159886873764
    even = even * u + 1.1568486282918946
    odd = -9.99802240829343e-10
    odd = odd * u + 1.1281645525139734e-08
    odd = odd * u - 7.821049220473805e-08
    odd = odd * u + 4.92889412763629e-07
    odd = odd * u - 3.2780889332747656e-06
    odd = odd * u + 2.2710081536644496e-05
    odd = odd * u - 0.00013437445842160464
    odd = odd * u + 1.9530682704042314e-05
    odd = odd * u + 0.016348231274349995
    odd = odd * u + 0.06150504584074597
    odd = odd * u + 0.02507217930161715
    odd = odd * u - 0.2294875382521129
    return odd * t + even


@primitive
def mills(y: float) -> float:
    """Return Mills' ratio M(y) = N(-y) / phi(y) for y >= 0, relative error below 1e-15.

    Parameters
    ----------
    y : float
        Not negative; 1e30 and more give M(1e30).

    Returns
    -------
    float
        The ratio, sqrt(pi/2) at 0 and 1/y far out.
    """
    y = _MILLS_FAR if y > _MILLS_FAR else y
    a = y + 5.0
    b = y + 1.0
    inverse = 1.0 / (a * b)
    return _mills_numerator((y - 5.0) * b * inverse) * (a * inverse)


@primitive
def mills_pair(y1: float, y2: float) -> tuple[float, float]:
    """Return `mills` of two arguments at the price of one division."""
    y1 = _MILLS_FAR if y1 > _MILLS_FAR else y1
    y2 = _MILLS_FAR if y2 > _MILLS_FAR else y2
    a1 = y1 + 5.0
    b1 = y1 + 1.0
    a2 = y2 + 5.0
    b2 = y2 + 1.0
    both1 = a1 * b1
    both2 = a2 * b2
    inverse = 1.0 / (both1 * both2)
    inverse1 = inverse * both2
    inverse2 = inverse * both1
    m1 = _mills_numerator((y1 - 5.0) * b1 * inverse1) * (a1 * inverse1)
    m2 = _mills_numerator((y2 - 5.0) * b2 * inverse2) * (a2 * inverse2)
    return m1, m2


@primitive
def tail_factor(y: float) -> float:
    """Return N(-y) exp(y**2 / 2) for y >= 0, so that its product with that bell is good to 2e-15 of one.

    For sums in which whole contracts stand beside the tail: it takes two thirds of the operations of `mills`, and loses
    its relative accuracy beyond y = 7, where the tail is 1e-12.
    """
    t = 1.0 - 8.0 / (y + 4.0)
    p = -3.38710736827118e-07
    p = p * t - 2.5403265704763032e-06
    p = p * t - 5.877088039112404e-06
    p = p * t + 3.881910869323092e-06
    p = p * t + 2.8577458130115656e-05
    p = p * t - 4.5448052701127915e-05
    p = p * t - 0.00018713805567718118
    p = p * t + 0.0006388143805727556
    p = p * t + 0.0005075586527078243
    p = p * t - 0.008492095950534578
    p = p * t + 0.030864804194819795
    p = p * t - 0.07170740732139824
    p = p * t + 0.12437925533847925
    p = p * t - 0.17039772154858437
    return p * t + 0.09441064130197034


@primitive
def normal_density(d: float) -> float:
    """Return phi(d), exactly 0 beyond `PHI_LIMIT`, NaN for NaN."""
    density = INV_SQRT_2PI * exp_(-0.5 * d * d)
    return 0.0 if abs(d) > PHI_LIMIT else density
