// browser opens pages in Chromium and says what a person would see of them, a
// line each: judges of the HTML that nobody here wrote.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

func main() {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	for _, page := range os.Args[1:] {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 390} {
				look(ctx, page, scheme, width)
			}
		}
		plain(ctx, page)
	}
}

// plain says what is left of the first console's search where no script runs and on
// paper, and how high its lines may be.
func plain(ctx context.Context, page string) {
	ctx, stop := chromedp.NewContext(ctx)
	defer stop()
	ctx, stop = context.WithTimeout(ctx, time.Minute)
	defer stop()
	const (
		search = `document.querySelector(".find")?.checkVisibility() ?? false`
		height = `(pre => pre ? getComputedStyle(pre).maxHeight : "")(document.querySelector(".console pre"))`
	)
	var withScript, without, printed bool
	var most, mostPrinted string
	if err := chromedp.Run(ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate("file://"+page),
		chromedp.Evaluate(search, &withScript), chromedp.Evaluate(height, &most),
		emulation.SetEmulatedMedia().WithMedia("print"),
		chromedp.Evaluate(search, &printed), chromedp.Evaluate(height, &mostPrinted),
		emulation.SetEmulatedMedia(),
		emulation.SetScriptExecutionDisabled(true), chromedp.Reload(),
		chromedp.Evaluate(search, &without)); err != nil {
		fmt.Println(page, err)
		os.Exit(1)
	}
	fmt.Printf("search: %t, without scripts %t, printed %t; lines: %q, printed %q\n", withScript, without, printed, most, mostPrinted)
}

// look opens a page, searches its first console, and follows its first link.
func look(ctx context.Context, page, scheme string, width int64) {
	ctx, stop := chromedp.NewContext(ctx)
	defer stop()
	ctx, stop = context.WithTimeout(ctx, time.Minute)
	defer stop()
	var said []string
	chromedp.ListenTarget(ctx, func(e any) {
		switch e := e.(type) {
		case *runtime.EventConsoleAPICalled, *runtime.EventExceptionThrown:
			said = append(said, fmt.Sprintf("console: %+v", e))
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; u != "file://"+page && !strings.HasPrefix(u, "data:") {
				said = append(said, "request: "+u)
			}
		}
	})
	var background, found, next, target string
	var overflow, searches bool
	do := func(actions ...chromedp.Action) {
		if err := chromedp.Run(ctx, actions...); err != nil {
			fmt.Println(page, scheme, width, err)
			os.Exit(1)
		}
	}
	do(network.Enable(), runtime.Enable(),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.EmulateViewport(width, 900),
		chromedp.Navigate("file://"+page),
		chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &background),
		chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &overflow),
		chromedp.Evaluate(`!!document.querySelector("input[type=search]")`, &searches))
	if searches {
		do(chromedp.SendKeys("input[type=search]", "Wanted"),
			chromedp.Value("output", &found),
			chromedp.Click("button.next"),
			chromedp.Evaluate(`document.querySelector("output").value + ", " + document.querySelector(".at").textContent`, &next),
			chromedp.Click("a[href^='#']"),
			chromedp.Evaluate(`document.querySelector(":target").textContent`, &target))
	}
	fmt.Printf("%s %d: background %s, too wide: %t, found %q then %q, first link to %q, said %q\n", scheme, width, background, overflow, found, next, target, said)
}
