package state

import (
	"strconv"
	"time"

	berth "github.com/berth-run/berth/sdk-guest/go"
)

// TTL reads how long an item is to live from the metadata of the request that
// writes it: the key ttlInSeconds, a whole number from -1 to 2147483647. It is 0
// when the item is to live for ever, which is what no value, 0 and -1 mean.
func TTL(metadata map[string]string) (time.Duration, error) {
	text := metadata["ttlInSeconds"]
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < -1 || n > 1<<31-1 {
		return 0, berth.NewError(berth.InvalidArgument, "incorrect value for metadata 'ttlInSeconds': '"+text+"' is not a whole number from -1 to 2147483647")
	}
	return time.Duration(max(n, 0)) * time.Second, nil
}

// ExpireMetadata is the metadata of an answer whose item expires at t: the key
// ttlExpireTime with t in RFC 3339, in UTC and whole seconds. It writes the
// years 0 to 9999.
func ExpireMetadata(t time.Time) map[string]string {
	return map[string]string{"ttlExpireTime": rfc3339(t.Unix())}
}

// rfc3339 writes a Unix time. It is here because time.Time.Format would link
// time zones and layouts into a guest (+60 KB). The calendar is reckoned from
// 1 March, so that the leap day is a year's last.
func rfc3339(sec int64) string {
	days, rest := sec/86400, sec%86400
	if rest < 0 {
		days, rest = days-1, rest+86400
	}
	days += 719468 // from 1 March of the year 0
	era := days / 146097
	if days < 0 {
		era = (days - 146096) / 146097
	}
	day := days - era*146097                                // of 400 years
	year := (day - day/1460 + day/36524 - day/146096) / 365 // of 400
	yearDay := day - (365*year + year/4 - year/100)         // from 1 March
	month := (5*yearDay + 2) / 153                          // from March
	date := []int64{year + era*400, month + 3, yearDay - (153*month+2)/5 + 1, rest / 3600, rest / 60 % 60, rest % 60}
	if date[1] > 12 {
		date[0]++
		date[1] -= 12
	}
	b := []byte("0000-00-00T00:00:00Z")
	put := func(end int, v int64) {
		for ; v > 0; end-- {
			b[end] = byte('0' + v%10)
			v /= 10
		}
	}
	for i, end := range []int{3, 6, 9, 12, 15, 18} {
		put(end, date[i])
	}
	return string(b)
}
